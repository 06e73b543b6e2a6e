/* Without any C library, so that a linker of Visual Studio's kind can link it here: with wardkey1.lib it does. */
#include "wardkey.h"
#include <windows.h>

void start(void) {
    ExitProcess(wardkey_abi_check(WARDKEY_ABI_VERSION) == WARDKEY_OK ? 0 : 1);
}
