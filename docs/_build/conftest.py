"""The files of this folder import each other by their plain names, as mkdocs loads them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
