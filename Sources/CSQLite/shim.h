// The database that recordings are exported to: Swift sees SQLite's C interface through this header.
#include <sqlite3.h>
