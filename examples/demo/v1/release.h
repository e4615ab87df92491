/* Which release this is: shown by --version, in the greeting and by STATS. */
#pragma once

#define RELEASE "1.0"
