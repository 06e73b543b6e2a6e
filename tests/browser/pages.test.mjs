// The login page and the consent page in a real browser: with a mouse, by keyboard alone, on a phone.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Stage } from './stage.mjs';
import { ARABIC, GERMAN } from './texts.mjs';

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

  test('who gives two answers in two tabs is told so in the second', async () => {
    const visit = await stage.visit(app);
    await visit.leave();
    await visit.signIn(anna);
    const context = visit.page.context();
    const [tab] = await Promise.all([
      context.waitForEvent('page'),
      visit.page.click('button[value=approve]', { modifiers: ['Control'] }),
    ]);
    await tab.waitForURL(/code=/);
    await visit.press('deny');
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

describe('back, forward and again', () => {
  test('no step through the pages asks for the password, or to send anything once more', async () => {
    const visit = await stage.visit(app);
    const posts = [];
    visit.page.on('request', (request) => {
      if (request.method() === 'POST') posts.push(new URL(request.url()).pathname);
    });
    await visit.leave();
    const first = await visit.page.inputValue('[name=pending]');
    await visit.signIn(anna);
    assert.match(visit.page.url(), /\/oauth\/authorize\?pending=/);
    for (const step of ['reload', 'goBack', 'goForward']) {
      const response = await visit.page[step]();
      assert.equal(response.request().method(), 'GET', step);
      assert.equal(response.status(), 200, step);
      assert.match(await visit.text(), step === 'goBack' ? /Sign in/ : /Allow access\?/);
    }
    await visit.press('approve');
    const { access_token } = await visit.told();

    // Behind the app is a page that has nothing more to allow, and behind it one to sign in on anew.
    assert.equal((await visit.page.goBack()).status(), 400);
    await visit.picture('back');
    assert.match(await visit.text(), /This request was answered already/);
    assert.equal(await visit.page.locator('button').count(), 0);
    await visit.page.goBack();
    assert.match(await visit.text(), /Sign in/);
    assert.notEqual(await visit.page.inputValue('[name=pending]'), first);
    assert.equal(await visit.page.inputValue('#p'), '');
    assert.equal((await clinic.results(access_token)).status, 200);
    assert.deepEqual(posts, ['/oauth/authorize', '/oauth/authorize', '/oauth/token']);
    assert.deepEqual(visit.complaints.splice(0), [BAD_REQUEST]);
    await visit.close();
  });

  test('who presses Allow twice arrives with the code of the first press', async () => {
    const visit = await stage.visit(app);
    await visit.leave();
    await visit.signIn(anna);
    // The first answer is lost, as it is when a second press comes while it is on its way.
    const form = { pending: await visit.page.inputValue('[name=pending]'), action: 'approve' };
    const url = clinic.url('/oauth/authorize').href;
    const first = await visit.page.context().request.post(url, { form, maxRedirects: 0 });
    assert.equal(first.status(), 303);
    await visit.press('approve');
    assert.equal(visit.page.url(), first.headers().location);
    assert.equal((await visit.told()).scope, 'lab:read');
    assert.deepEqual(visit.complaints, []);
    await visit.close();
  });

  test('who double-clicks every button arrives all the same', async () => {
    const visit = await stage.visit(app);
    await visit.leave();
    await visit.page.fill('#u', 'anna');
    await visit.page.fill('#p', anna.credentials.password);
    await visit.page.dblclick('button[value=login]');
    await visit.page.dblclick('button[value=approve]');
    assert.equal((await visit.told()).scope, 'lab:read');
    assert.deepEqual(visit.complaints, []);
    await visit.close();
  });

  test("another site's form takes nobody out of a login they are in the middle of", async () => {
    const visit = await stage.visit(app);
    await visit.leave();
    const context = visit.page.context();
    const cookie = async () => (await context.cookies(clinic.issuer))[0].value;
    const before = await cookie();
    const tab = await context.newPage();
    await tab.goto(stage.home);
    await Promise.all([
      tab.waitForURL(/authorize/),
      tab.evaluate((link) => {
        const form = document.createElement('form');
        form.method = 'post';
        form.action = link.split('?')[0];
        for (const [name, value] of new URL(link).searchParams) {
          const field = document.createElement('input');
          Object.assign(field, { type: 'hidden', name, value });
          form.append(field);
        }
        document.body.append(form);
        form.submit();
      }, stage.link(app, `${stage.home}/back`).href),
    ]);
    assert.match(await tab.innerText('main'), /Sign in/);
    assert.equal(await cookie(), before);
    await visit.signIn(anna);
    await visit.press('approve');
    assert.equal((await visit.told()).scope, 'lab:read');
    assert.deepEqual(visit.complaints, []);
    await visit.close();
  });
});

describe('a callback that hops at once to another origin', () => {
  const hop = (to) => `${stage.home}/hop?${new URLSearchParams({ to })}`;

  for (const members of [
    { redirect_uris: ['/hop', '/back'], allowed_origins: [] },
    { redirect_uris: ['/hop'], allowed_origins: [''] },
  ]) {
    const named = members.allowed_origins.length > 0 ? 'an origin of its pages' : 'a redirect URI';
    test(`arrives where its client is registered with ${named}`, async () => {
      const to = `${stage.elsewhere}/back`;
      const uris = { '/hop': hop(to), '/back': to };
      const hopping = await stage.register({
        redirect_uris: members.redirect_uris.map((path) => uris[path]),
        allowed_origins: members.allowed_origins.map(() => stage.elsewhere),
      });
      const visit = await stage.visit(hopping);
      for (const button of ['deny', 'approve']) {
        await visit.page.goto(stage.link(hopping, hop(to)).href);
        await visit.signIn(anna);
        await visit.press(button);
        const place = new URL(visit.page.url());
        assert.equal(`${place.origin}${place.pathname}`, to);
        assert.equal(place.searchParams.get('state'), 'xyz');
        assert.equal(place.searchParams.has('code'), button === 'approve');
      }
      assert.deepEqual(visit.complaints, []);
      await visit.close();
    });
  }

  test('is stopped by the browser where it is not', async () => {
    const hopping = await stage.register({
      redirect_uris: [hop(`${stage.elsewhere}/back`)],
      allowed_origins: [],
    });
    const visit = await stage.visit(hopping);
    await visit.page.goto(stage.link(hopping, hop(`${stage.elsewhere}/back`)).href);
    await visit.signIn(anna);
    const complaint = visit.page.waitForEvent('console');
    await visit.page.click('button[value=approve]', { noWaitAfter: true });
    assert.match((await complaint).text(), /form-action/);
    await visit.close();
  });
});

describe('in other languages', () => {
  after(() => clinic.call('settings.set', { clinic_name: 'Riverside Clinic', texts: {} }));

  for (const [clinic_name, texts, dir, name] of [
    ['Universit\u00e4tsklinikum Garmisch-Partenkirchen', GERMAN, 'ltr', 'Laborbefundschnittstelle'],
    ['\u0645\u0633\u062a\u0634\u0641\u0649 \u0627\u0644\u0646\u0647\u0631', ARABIC, 'rtl', 'Lab Portal (2)'],
  ]) {
    for (const width of [360, 1280]) {
      test(`${texts.lang}, ${width} pixels wide`, async () => {
        await clinic.call('settings.set', { clinic_name, texts });
        const portal = await stage.register({ client_name: name });
        const visit = await stage.visit(portal, { width });
        const html = visit.page.locator('html');
        const speaks = async (title, picture) => {
          assert.equal(await html.getAttribute('lang'), texts.lang);
          assert.equal(await html.getAttribute('dir'), dir);
          assert.equal(await visit.page.evaluate(() => getComputedStyle(document.body).direction), dir);
          assert.equal(await visit.page.innerText('h1'), title);
          assert.equal(await visit.page.innerText('header'), clinic_name);
          await visit.picture(`${picture}-${texts.lang}`);
        };
        await visit.leave();
        await speaks(texts.login_title, 'login');
        // Somebody else each time: what is wrong is counted for a name, and no login forgives it.
        const somebody = { username: `${texts.lang} ${width}`, password: 'wrong' };
        await visit.signIn({ credentials: somebody });
        assert.equal(await visit.page.innerText('[role=alert]'), texts.login_wrong);
        await speaks(texts.login_title, 'login-wrong');
        await visit.signIn(anna);
        await speaks(texts.consent_title, 'consent');
        // Names and words of a scope keep their own direction.
        assert.equal(await visit.page.locator('code').first().getAttribute('dir'), 'ltr');
        await visit.press('deny');
        assert.deepEqual(await visit.told(), { error: 'access_denied' });
        await visit.page.goto(clinic.url('/oauth/authorize').href);
        await speaks(texts.error_title, 'problem');
        assert.deepEqual(visit.complaints.splice(0), [BAD_REQUEST]);
        await visit.close();
      });
    }
  }
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
    await visit.page.evaluate(() => {
      document.querySelector('form').action = 'https://evil.example/';
    });
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

// The last, because the clock does not go back.
test('a page that was open for too long says so, and the way back is to start again', async () => {
  const [login, consent] = [await stage.visit(app), await stage.visit(app)];
  await login.leave();
  await consent.leave();
  await consent.signIn(anna);
  stage.pass(601);
  await login.signIn(anna);
  await login.picture('expired');
  await consent.press('approve');
  for (const visit of [login, consent]) {
    assert.match(await visit.text(), /This page was open for too long\.\s+Go back to the app and start again\./);
    assert.equal(await visit.page.locator('button').count(), 0);
    assert.deepEqual(visit.complaints.splice(0), [BAD_REQUEST]);
  }
  // Behind it is the login page, anew.
  await login.page.goBack();
  await login.signIn(anna);
  await login.press('approve');
  assert.equal((await login.told()).scope, 'lab:read');
  assert.deepEqual(login.complaints, []);
  await Promise.all([login.close(), consent.close()]);
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
