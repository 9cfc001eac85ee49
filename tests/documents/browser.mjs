// One headless browser for all checks. It gets a fresh profile and nothing that talks to a network of its own accord.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer from 'puppeteer-core';

export const executable = process.env.CHROMIUM ?? '/usr/bin/chromium';

export async function withBrowser(work) {
  const profile = mkdtempSync(join(tmpdir(), 'kube-hipaa-browser-'));
  const browser = await puppeteer.launch({
    executablePath: executable,
    headless: true,
    userDataDir: profile,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--disable-default-apps', '--disable-extensions',
    ],
  });
  try {
    return await work(browser);
  } finally {
    await browser.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

export const scheme = (value) => [{ name: 'prefers-color-scheme', value }];

export async function pdf(page, path, format = 'A4') {
  await page.pdf({ path, format, printBackground: true, preferCSSPageSize: false });
}
