package system.log.mask_test

import data.system.log

test_the_token_is_erased if {
	"/input/jwt/tokenValue" in log.mask
}
