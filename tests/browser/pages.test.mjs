// The login page and the consent page in a real browser: with a mouse, by keyboard alone, on a phone.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Stage } from './stage.mjs';

const WRONG = 'The user name or the password is wrong. Please try again.';

// A page with status 400 is no silent one.
const BAD_REQUEST = 'Failed to load resource: the server responded with a status of 400 (Bad Request)';

let stage, clinic, anna, app;

before(async () => {
  stage = await Stage.open({ clinic_name: 'Riverside Clinic' });
  clinic = stage.clinic;
  anna = await clinic.employ();
  app = await stage.register();
});
after(() => stage.close());

for (const width of [360, 1280]) {
  describe(`${width} pixels wide`, () => {
    test('a wrong password, the right one, and the app has a token', async () => {
      const visit = await stage.visit(app, { width });
      await visit.leave();
      await visit.picture('login');
      assert.match(await visit.text(), /Riverside Clinic/);

      await visit.signIn(anna, 'wrong');
      await visit.picture('login-wrong');
      assert.equal(await visit.page.innerText('[role=alert]'), WRONG);
      assert.equal(await visit.page.inputValue('#u'), 'anna');
      assert.equal(await visit.page.inputValue('#p'), '');
      await visit.signIn({ credentials: { username: 'nobody', password: 'wrong' } });
      assert.equal(await visit.page.innerText('[role=alert]'), WRONG);

      await visit.signIn(anna);
      await visit.picture('consent');
      const text = await visit.text();
      assert.match(text, /lab:read/);
      assert.match(text, /You are signed in as anna/);
      assert.ok(text.includes(new URL(stage.home).host), text);

      await visit.press('approve');
      assert.ok(visit.page.url().startsWith(`${stage.home}/back?code=`), visit.page.url());
      const token = await visit.told();
      assert.deepEqual([token.token_type, token.scope], ['Bearer', 'lab:read']);
      assert.equal((await clinic.results(token.access_token)).status, 200);
      assert.deepEqual(visit.complaints, []);
      await visit.close();
    });

    test('the longest words fit', async () => {
      const word = `${'w'.repeat(60)}:${width}`;
      await clinic.call('scope.add', { scope: word, description: 'd'.repeat(150) });
      const person = await clinic.employ(`anna.${'a'.repeat(50)}.${width}`, word);
      const long = await stage.register({ client_name: 'N'.repeat(200), scope: word });
      const visit = await stage.visit(long, { width, scope: word });
      await visit.leave();
      await visit.picture('login-long');
      await visit.signIn(person);
      await visit.picture('consent-long');
      await visit.press('deny');
      assert.deepEqual(await visit.told(), { error: 'access_denied' });
      assert.deepEqual(visit.complaints, []);
      await visit.close();
    });
  });
}

describe('by keyboard alone', () => {
  test('the focus is where one starts, Enter signs in, and a second Enter allows nothing', async () => {
    const visit = await stage.visit(app);
    const { keyboard } = visit.page;
    await visit.leave();
    await visit.focusOn('u');
    await keyboard.type('anna');
    await keyboard.press('Tab');
    await keyboard.type('wrong');
    await visit.key('Enter');
    // The name is there already.
    await visit.focusOn('p');
    await keyboard.type(anna.credentials.password);
    await visit.key('Enter');
    assert.match(await visit.text(), /Allow access\?/);
    await keyboard.press('Enter');
    assert.equal(await focused(visit), 'BODY');
    await keyboard.press('Tab');
    assert.equal(await focused(visit), 'Allow');
    await visit.picture('consent-focus');
    await visit.key('Enter');
    assert.equal((await visit.told()).scope, 'lab:read');
    assert.deepEqual(visit.complaints, []);
    await visit.close();
  });

  test('everything can be reached and has a ring around it, and Space presses', async () => {
    const visit = await stage.visit(app);
    const { keyboard } = visit.page;
    await visit.leave();
    await visit.focusOn('u');
    for (const name of ['User name', 'Password', 'Sign in', 'Cancel']) {
      assert.equal(await focused(visit), name);
      assert.notEqual(await outline(visit), 'none');
      await keyboard.press('Tab');
    }
    await visit.signIn(anna);
    for (const name of ['Allow', 'Do not allow']) {
      await keyboard.press('Tab');
      assert.equal(await focused(visit), name);
      assert.notEqual(await outline(visit), 'none');
    }
    await visit.key('Space');
    assert.deepEqual(await visit.told(), { error: 'access_denied' });
    await visit.close();
  });
});

describe('other ways out', () => {
  test('who cancels before signing in goes back', async () => {
    const visit = await stage.visit(app);
    await visit.leave();
    await visit.press('deny');
    assert.deepEqual(await visit.told(), { error: 'access_denied' });
    assert.deepEqual(visit.complaints, []);
    await visit.close();
  });

  test('who goes back after allowing finds no page to allow more on, and has to sign in', async () => {
    const visit = await stage.visit(app);
    await visit.leave();
    const first = await visit.page.inputValue('[name=pending]');
    await visit.signIn(anna);
    await visit.press('approve');
    const { access_token } = await visit.told();
    await visit.travel(-2);
    assert.match(await visit.text(), /Sign in/);
    assert.notEqual(await visit.page.inputValue('[name=pending]'), first);
    assert.equal(await visit.page.inputValue('#p'), '');
    // The page between is not kept: the browser would ask before it sent the password once more.
    await assert.rejects(visit.page.goForward(), /ERR_CACHE_MISS/);
    assert.equal((await clinic.results(access_token)).status, 200);
    assert.deepEqual(visit.complaints, []);
    await visit.close();
  });

  test('who answers in two tabs is told so in the second', async () => {
    const visit = await stage.visit(app);
    await visit.leave();
    await visit.signIn(anna);
    const context = visit.page.context();
    const [tab] = await Promise.all([
      context.waitForEvent('page'),
      visit.page.click('button[value=approve]', { modifiers: ['Control'] }),
    ]);
    await tab.waitForURL(/code=/);
    await visit.press('approve');
    await visit.picture('answered');
    assert.match(await visit.text(), /This request was answered already/);
    assert.deepEqual(visit.complaints.splice(0), [BAD_REQUEST]);
    await visit.close();
  });

  test('a form that was changed is told so, and sends nobody anywhere', async () => {
    const visit = await stage.visit(app, { width: 360 });
    await visit.leave();
    await visit.page.evaluate(() => {
      const field = document.querySelector('[name=pending]');
      field.value = field.value.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'));
    });
    await visit.signIn(anna);
    await visit.picture('problem');
    assert.match(await visit.text(), /made a request that cannot be understood/);
    assert.equal(visit.page.url(), `${clinic.issuer}/oauth/authorize?`);
    assert.deepEqual(visit.complaints.splice(0), [BAD_REQUEST]);
    await visit.close();
  });

  test('a browser that lost its cookie is told so', async () => {
    const visit = await stage.visit(app);
    await visit.leave();
    const [cookie, ...others] = await visit.page.context().cookies(clinic.issuer);
    assert.deepEqual(others, []);
    const { name, secure, httpOnly, sameSite, path, expires } = cookie;
    assert.deepEqual([name, secure, httpOnly, sameSite, path, expires],
      ['__Host-wardkey', true, true, 'Lax', '/', -1]);
    await visit.page.context().clearCookies();
    await visit.signIn(anna);
    assert.match(await visit.text(), /Your browser did not send the cookie/);
    await visit.close();
  });
});

describe('what a page may do', () => {
  test('it runs no script, and the tests would hear of one', async () => {
    const visit = await stage.visit(app);
    await visit.leave();
    await visit.page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'document.title = "changed"';
      document.body.append(script);
    });
    assert.equal(await visit.page.title(), 'Sign in \u00b7 Riverside Clinic');
    assert.equal(visit.complaints.length, 1);
    assert.match(visit.complaints[0], /Content Security Policy/);
    await visit.close();
  });

  test('it sends its form nowhere but here and to the app', async () => {
    const visit = await stage.visit(app);
    await visit.leave();
    await visit.page.evaluate((elsewhere) => {
      document.querySelector('form').action = elsewhere;
    }, stage.elsewhere);
    const complaint = visit.page.waitForEvent('console');
    await visit.page.evaluate(() => document.querySelector('button[value=deny]').click());
    assert.match((await complaint).text(), /form-action/);
    assert.ok(visit.page.url().startsWith(clinic.issuer), visit.page.url());
    await visit.close();
  });

  test('it is shown in no other page', async () => {
    const visit = await stage.visit(app);
    await visit.leave();
    const link = visit.page.url();
    await visit.page.goto(`${stage.home}/frame?${new URLSearchParams({ framed: link })}`);
    assert.equal(await visit.page.frameLocator('iframe').locator('#p').count(), 0);
    assert.match(visit.complaints.join(), /frame-ancestors|X-Frame-Options/);
    await visit.close();
  });
});

// What the focus is on, by the name that a person knows it by.
function focused({ page }) {
  return page.evaluate(() => {
    const { labels, innerText, tagName } = document.activeElement;
    return tagName === 'BODY' ? tagName : (labels?.[0] ?? { innerText }).innerText;
  });
}

function outline({ page }) {
  return page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
}
