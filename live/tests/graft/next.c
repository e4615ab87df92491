// The next release of the server: the same code in another file.
#include "server.c"
