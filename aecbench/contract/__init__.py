"""The contracts of all tables as tests, for entries of other packages and for our own.

    pytest --pyargs aecbench.contract                     # all entries of installed packages
    pytest --pyargs aecbench.contract.test_cancellers -k mine

For an entry that is not installed, or within the tests of a package:

    from aecbench.contract.test_cancellers import *

    @pytest.fixture(params=["my_canceller:MyCanceller"])
    def name(request):
        return request.param

The tests need pytest; nothing else in aecbench does.
"""
