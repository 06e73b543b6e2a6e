// A person at a browser, who fills in forms and presses buttons, and stops where an app would go on.

export class Person {
  #cookies = new Map();

  constructor({ username, password }) {
    this.credentials = { username, password };
  }

  /** Follows an app's link, signs in and presses a button: the address that the browser is sent to. */
  async answer(link, button = 'approve') {
    const login = await this.open(link);
    const consent = await this.signIn(login);
    return (await this.press(consent, button)).sentTo;
  }

  open(link) {
    return this.#load(link, {});
  }

  /** Fills in the login page, and goes where that leads. */
  async signIn(login) {
    const answer = await this.press(login, 'login', this.credentials);
    return answer.sentTo?.pathname === login.url.pathname ? this.open(answer.sentTo) : answer;
  }

  /** Sends a page's form by this button, with its hidden fields and the given ones. */
  press({ url, text, status }, button, fields = {}) {
    const [, action] = /<form method="post" action="([^"]*)">/.exec(text) ?? [];
    if (action === undefined || !text.includes(`<button name="action" value="${button}"`)) {
      throw new Error(`no button ${button} on this page (${status}): ${text}`);
    }
    const hidden = text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"&]*)">/g);
    const body = new URLSearchParams([...hidden].map(([, name, value]) => [name, value]));
    for (const [name, value] of Object.entries({ ...fields, action: button })) body.set(name, value);
    return this.#load(new URL(action, url), { method: 'POST', body });
  }

  async #load(link, options) {
    const url = new URL(link);
    const cookie = [...this.#cookies].map((pair) => pair.join('=')).join('; ');
    const headers = cookie ? { cookie } : {};
    const response = await fetch(url, { ...options, headers, redirect: 'manual' });
    for (const set of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set);
      this.#cookies.set(name, value);
    }
    const location = response.headers.get('location');
    const sentTo = location === null ? undefined : new URL(location, url);
    return { url, status: response.status, text: await response.text(), sentTo };
  }
}
