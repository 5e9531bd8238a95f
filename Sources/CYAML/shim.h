// The YAML parser that policies are read with: Swift sees libyaml's C interface through this header.
#include <yaml.h>
