"""Draw who imports whom into docs/architecture.md, from the imports as they are: `make diagram`."""

import re
from pathlib import Path

import grimp

PAGE = Path(__file__).with_name("architecture.md")
DRAWING = re.compile(r"```mermaid\n.*?```\n", re.DOTALL)
LAYERS = ("entrypoints", "adapters", "application", "domain")


def diagram() -> str:
    """A Mermaid flowchart of the layers and their packages.

    Within a layer an arrow leads from package to package; to another layer, from a package to that layer.
    """
    graph = grimp.build_graph("referral")
    packages = {
        (layer, package.rpartition(".")[2])
        for layer in LAYERS
        for package in graph.find_children(f"referral.{layer}")
        if graph.find_children(package)
    }

    def place(module: str) -> tuple[str, str]:
        layer, name = [*module.split(".")[1:3], "", ""][:2]
        return layer, name if (layer, name) in packages else ""

    arrows = set()
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            (layer, package), (other_layer, other) = place(module), place(imported)
            if layer != other_layer:
                arrows.add(((layer, package), (other_layer, "")))
            elif package and other and package != other:
                arrows.add(((layer, package), (layer, other)))

    lines = ["flowchart TB"]
    for layer in LAYERS:
        names = sorted(name for where, name in packages if where == layer)
        lines += [
            f"  subgraph {layer}",
            *(f"    {layer}_{name}[{name}]" for name in names),
            "  end",
        ]
    lines += [
        f"  {_box(*start)} --> {_box(*end)}"
        for start, end in sorted(arrows)
        if {start[0], end[0]} <= {*LAYERS}
    ]
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


def _box(layer: str, package: str) -> str:
    return f"{layer}_{package}" if package else layer


if __name__ == "__main__":
    PAGE.write_text(DRAWING.sub(diagram(), PAGE.read_text("utf-8")), "utf-8")
