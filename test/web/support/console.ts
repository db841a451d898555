import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { insertFirstAccount } from '../../../db/accounts.ts';
import { hashPassword } from '../../../security/password.ts';
import { startApi, type ApiUnderTest } from '../../api/api-under-test.ts';
import { testServer } from '../../support/servers.ts';

export const login = { name: 'admin', password: 'correct horse battery' };

export interface ConsoleUnderTest {
  api: ApiUnderTest;
  /** Root of the console, without a slash at its end. */
  url: string;
  /** A page of a browser of its own that nobody is signed in to. */
  newPage(options?: BrowserContextOptions): Promise<WatchedPage>;
  close(): Promise<void>;
}

export interface WatchedPage {
  page: Page;
  /** What the page has complained about so far: console errors, exceptions, answers of 500 and above. */
  complaints: string[];
}

const chromiumArguments =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync --disable-background-networking --disable-component-update';

/** The built console, served by the real API over a database and a bucket of its own, and Chromium to look at it. */
export async function startConsole(): Promise<ConsoleUnderTest> {
  const [api, browser] = await Promise.all([
    testServer('console').then(({ webDir }) => startApi({ webDir })),
    startChromium(),
  ]);
  await insertFirstAccount(api.database.pool, {
    login: login.name,
    passwordHash: await hashPassword(login.password),
  });
  const url = await api.app.listen({ host: '127.0.0.1', port: 0 });
  return {
    api,
    url,
    newPage: (options = {}) => newPage(browser, { baseURL: url, ...options }),
    async close() {
      await browser.close();
      await api.close();
    },
  };
}

function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['FRAMEKEEP_CHROMIUM'] ?? '/usr/bin/chromium',
    args: chromiumArguments.split(' '),
  });
}

async function newPage(browser: Browser, options: BrowserContextOptions): Promise<WatchedPage> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    colorScheme: 'dark',
    locale: 'en-GB',
    timezoneId: 'Europe/Istanbul',
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  page.on('console', (message) => {
    // What a test provokes by a wrong login or address is an answer of the API, not a fault of the page.
    const provoked = /status of 4\d\d/.test(message.text());
    if (message.type() === 'error' && !provoked) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('response', (response) => {
    if (response.status() >= 500) complaints.push(`${response.status()} ${response.url()}`);
  });
  return { page, complaints };
}

/** Signs in by the login page and waits for the cameras. */
export async function signIn(page: Page, path = '/'): Promise<void> {
  await page.goto(path);
  await page.getByLabel('User name').fill(login.name);
  await page.getByLabel('Password', { exact: true }).fill(login.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('navigation', { name: 'Main' }).waitFor();
}
