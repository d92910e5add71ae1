#!/usr/lib/fairhaul/bin/python
import sys

from agent.__main__ import main

sys.exit(main(prog_name="fairhaul"))
