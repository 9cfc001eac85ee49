"""Says of each OSCAL document what the package `oscal` has against it; the status is 0 where it has nothing against any."""

import sys

from oscal import OSCAL

bad = 0
for path in sys.argv[1:]:
    document = OSCAL.open(path)
    if document.validate() is not True or document.validation_errors:
        bad += 1
        print(f"{path}: {document.validation_errors}")
    else:
        print(f"{path}: good")
sys.exit(1 if bad else 0)
