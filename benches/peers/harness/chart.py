"""A chart of bars, as SVG that reads well on light and dark pages."""

from html import escape

WIDTH, LABEL, BAR, GAP, HEAD = 720, 180, 16, 4, 34
OWN, OTHER, FAINT = "#c2410c", "#64748b", "#94a3b8"


def svg(title, groups):
    """`groups`: a title to (name, value or None, whether it is of the same kind as the others) of each bar."""
    groups = {name: [bar for bar in bars if bar[1] is not None] for name, bars in groups.items()}
    most = max([value for bars in groups.values() for _, value, _ in bars] or [1])
    room = WIDTH - LABEL - 60
    out, y = [], HEAD
    for name, bars in groups.items():
        if not bars:
            continue
        y += 24
        out.append(text(0, y, name, "600 13px"))
        y += 8
        for label, value, is_like in bars:
            length = max(1, room * value / most)
            colour = OWN if label.startswith("Retort") else OTHER if is_like else "none"
            out.append(text(LABEL - 8, y + BAR - 4, label + ("" if is_like else " *"), "12px", "end"))
            out.append('<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s" stroke="%s"/>' % (LABEL, y, length, BAR, colour, FAINT if colour == "none" else colour))
            out.append(text(LABEL + length + 6, y + BAR - 4, "%.1f" % value, "12px"))
            y += BAR + GAP
    y += 24
    out.append(text(0, y, "* passes the response, replaces nothing", "11px"))
    return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="system-ui, sans-serif">\n'
            "<title>%s</title>\n<style>text{fill:#1e293b}@media(prefers-color-scheme:dark){text{fill:#e2e8f0}}</style>\n%s\n%s\n</svg>\n"
            % (WIDTH, y + 12, WIDTH, y + 12, escape(title), text(0, 20, title, "600 15px"), "\n".join(out)))


def text(x, y, words, font, anchor="start"):
    weight, _, size = font.rpartition(" ")
    return '<text x="%.1f" y="%.1f" font-size="%s"%s text-anchor="%s">%s</text>' % (
        x, y, size, ' font-weight="%s"' % weight if weight else "", anchor, escape(words))
