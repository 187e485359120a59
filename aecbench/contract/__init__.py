"""The contract of every table as tests, for entries of other packages and for our own.

    pytest --pyargs aecbench.contract                     # all that installed packages offer
    pytest --pyargs aecbench.contract.test_cancellers -k mine

For an entry that is not installed, or among the tests of a package:

    from aecbench.contract.test_cancellers import *

    @pytest.fixture(params=["my_canceller:MyCanceller"])
    def name(request):
        return request.param

They need pytest, which nothing else in aecbench does.
"""
