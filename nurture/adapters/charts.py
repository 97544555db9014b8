"""pygal, without what it leaves behind in Python's own imports.

It adds a finder for modules with maps, by a protocol that Python warns of and leaves out from 3.12 on. There are no maps here.
"""

import sys

import pygal
from pygal.style import Style as Style  # noqa: PLC0414 - whoever draws takes it from here

sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

Line, HorizontalBar, HorizontalStackedBar = pygal.Line, pygal.HorizontalBar, pygal.HorizontalStackedBar
