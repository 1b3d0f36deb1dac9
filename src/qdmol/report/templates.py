"""Templates of pages: everything put into one is escaped, and a name that is missing is an error."""

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

__all__ = ["template"]


def template(name: str) -> Template:
    """Return a template of this room by the name of its file."""
    environment = Environment(
        loader=PackageLoader("qdmol.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)
