// What an attacker wants to run.
int main(void) { return 77; }
