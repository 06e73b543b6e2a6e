/* The same package serves C. */
#include <wardkey.h>

#include <stdio.h>

int main(void) {
    printf("wardkey %s in C\n", wardkey_version());
    return wardkey_abi_check(WARDKEY_ABI_VERSION);
}
