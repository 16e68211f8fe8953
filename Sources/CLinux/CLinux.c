#include "CLinux.h"
int CLinux_stub(void);
int CLinux_stub(void){return 0;}
