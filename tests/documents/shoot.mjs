// node shoot.mjs FILE OUTDIR: pictures of a report at four widths, light and dark, and of its printed pages.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pdf, scheme, withBrowser } from './browser.mjs';

const [file, out] = process.argv.slice(2);
if (!file || !out) {
  console.error('usage: node shoot.mjs FILE OUTDIR');
  process.exit(2);
}
mkdirSync(out, { recursive: true });
// Pictures higher than this are hard to look at; the page goes on in the next one.
const highest = 2400;

await withBrowser(async (browser) => {
  const page = await browser.newPage();
  for (const width of [360, 768, 1200, 1600]) {
    for (const theme of ['light', 'dark']) {
      await page.setViewport({ width, height: 900 });
      await page.emulateMediaFeatures(scheme(theme));
      await page.goto(pathToFileURL(resolve(file)).href);
      const full = await page.evaluate(() => document.documentElement.scrollHeight);
      for (let from = 0, part = 1; from < full; from += highest, part += 1) {
        const clip = { x: 0, y: from, width, height: Math.min(highest, full - from) };
        await page.screenshot({ path: join(out, `${width}-${theme}-${part}.png`), clip, captureBeyondViewport: true });
      }
    }
  }
  for (const format of ['A4', 'Letter']) {
    await pdf(page, join(out, `${format}.pdf`), format);
    execFileSync('pdftoppm', ['-r', '72', '-png', join(out, `${format}.pdf`), join(out, `${format}-page`)]);
  }
  // Sheets of eight pages each, to see the whole print at a glance.
  const pages = readdirSync(out).filter((name) => /^A4-page-.*png$/.test(name)).sort();
  for (let i = 0; i < pages.length; i += 8) {
    const images = pages.slice(i, i + 8).map((name) => `<img src="${name}" alt="" width="440">`).join('');
    const sheet = join(out, `sheet-${String(i / 8 + 1).padStart(2, '0')}`);
    writeFileSync(`${sheet}.html`, `<!doctype html><title>sheet</title><body style="background:#888;margin:8px;display:grid;grid-template-columns:repeat(4,440px);gap:8px">${images}`);
    await page.setViewport({ width: 1808, height: 1280 });
    await page.goto(pathToFileURL(resolve(`${sheet}.html`)).href);
    await page.screenshot({ path: `${sheet}.png` });
  }
});
