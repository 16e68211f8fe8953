#include "CSandbox.h"
int CSandbox_stub(void);
int CSandbox_stub(void){return 0;}
