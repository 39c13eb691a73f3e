"""``python -m cnnviz_widgets.cli`` is ``cnnviz``."""

from . import main

raise SystemExit(main())
