"""A person at a browser, who fills in forms and presses buttons, and stops where an app would go on."""

import urllib.parse
from html.parser import HTMLParser

import requests


class Page(HTMLParser):
    """A page's one form: its hidden fields and its buttons."""

    def __init__(self, answer):
        super().__init__()
        self.url, self.status, self.text = answer.url, answer.status_code, answer.text
        location = answer.headers.get("Location")
        self.sent_to = location and urllib.parse.urljoin(answer.url, location)
        self.action, self.hidden, self.buttons = None, {}, []
        self.feed(self.text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "form":
            self.action = attributes["action"]
        elif tag == "input" and attributes.get("type") == "hidden":
            self.hidden[attributes["name"]] = attributes["value"]
        elif tag == "button":
            self.buttons.append(attributes["value"])


class Person:
    def __init__(self, username, password):
        self.credentials = {"username": username, "password": password}
        self.browser = requests.Session()

    def answer(self, link, button="approve"):
        """Follows an app's link, signs in, presses a button: the address that the browser is sent to."""
        login = self.open(link)
        consent = self.sign_in(login)
        return self.press(consent, button).sent_to

    def open(self, link):
        return Page(self.browser.get(link, allow_redirects=False, timeout=30))

    def sign_in(self, login):
        """Fills in the login page, and goes where that leads."""
        answer = self.press(login, "login", **self.credentials)
        here = login.url.partition("?")[0]
        return self.open(answer.sent_to) if (answer.sent_to or "").partition("?")[0] == here else answer

    def press(self, page, button, **fields):
        """Sends a page's form by this button, with its hidden fields and the given ones."""
        assert button in page.buttons, f"no button {button} on this page ({page.status}): {page.text}"
        # What a browser makes of it: the page's address has the same path, and no query.
        url = urllib.parse.urljoin(page.url.partition("?")[0], page.action.rstrip("?"))
        data = {**page.hidden, **fields, "action": button}
        return Page(self.browser.post(url, data=data, allow_redirects=False, timeout=30))
