"""`bench report`: stored cells as one HTML file that needs nothing else, and asks for nothing.

cells.py      the cells of several results folders
rows.py       typed rows from records, as tables have them, with the paper's values
before.py     how much there was before unlearning, and how good the learnt judge is
strips.py     pictures before and after, cut from the cells' own
curves.py     the points behind plots: alpha, clicks, attribute shifts, ROC
plots.py      the plots; drawn.py: as SVG that follows the page's colours, and as PDF
making.py     the page
"""
