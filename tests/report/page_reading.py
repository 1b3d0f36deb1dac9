"""A page as its reader gets it: text, images, addresses."""

import base64
import re
from html.parser import HTMLParser
from xml.etree import ElementTree


class Page(HTMLParser):
    """Everything on a page that could name another file, its images and its text."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.images, self.words, self.tags, self.styles = [], [], [], [], []
        self._style = False
        self.feed(text)
        self.close()
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.tags.append(tag)
        self._style = tag == "style"
        self.addresses += [(tag, named[key]) for key in ("src", "href", "srcset", "data", "action") if key in named]
        self.styles += [named["style"]] if "style" in named else []
        if tag == "img":
            self.images.append(named)

    def handle_endtag(self, tag):
        self._style = False

    def handle_data(self, data):
        (self.styles if self._style else self.words).append(data)


def pictures(page):
    prefix = "data:image/svg+xml;base64,"
    assert all(image["src"].startswith(prefix) for image in page.images)
    return [ElementTree.fromstring(base64.b64decode(image["src"].removeprefix(prefix))) for image in page.images]
