#!/bin/sh
# check_faults.sh with every call.
#
#     HEDDLE=build/heddle sh tests/long_faults.sh

exec sh "$(dirname "$0")/check_faults.sh" 1
