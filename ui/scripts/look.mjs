// Pictures of the window on the fake engine, in every language, size and theme, and what axe and the content security
// policy find on the way: `npm run look`. Needs `npm run build:browser` before, and a Chromium (CHROMIUM names it).

import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { chromium } from "playwright-core";
import { preview } from "vite";

const AXE = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const OUT = new URL("../screenshots/", import.meta.url).pathname;
const SIZES = { wide: [1200, 800], middle: [860, 800], narrow: [380, 720], least: [360, 640] };

const by = (page, id) => page.getByTestId(id).first();

/** What is to be seen, and how to get there. */
const SCENES = {
  start: async () => {},
  activity: async (page, size) => {
    if (size === "narrow" || size === "least") await by(page, "tab-activity").click();
  },
  thread: async (page, size) => {
    await SCENES.activity(page, size);
    await page.locator('[data-testid=activity-item][data-peer="+33639981207"] button').first().click();
    await by(page, "composer").fill("À ce soir ! 🙂");
  },
  hint: async (page) => {
    await by(page, "dial-input").fill("+44 7700 900142");
    await by(page, "target-shown").waitFor();
    await page.waitForTimeout(1100);
  },
  unseen: async (page) => {
    await page.evaluate(() =>
      window.tern.hint({ terms: { covered: false, next30Days: { amount: "32.10", currency: "USD" } } }),
    );
    await page.evaluate(() => window.tern.changeAccount({}));
    await by(page, "dial-input").fill("+33 6 39 98 12 07");
    await by(page, "target-shown").waitFor();
    await page.waitForTimeout(1100);
  },
  search: async (page, size) => {
    await SCENES.activity(page, size);
    await by(page, "search-toggle").click();
    await by(page, "search-field").fill("an");
    await by(page, "search-count").waitFor();
  },
  noreply: async (page, size) => {
    await SCENES.activity(page, size);
    await page.locator("[data-testid=activity-item][data-peer=BANKLINE] button").click();
  },
  compose: async (page, size) => {
    await SCENES.activity(page, size);
    await by(page, "new-message").click();
    await by(page, "compose-to").fill("pizza");
    await by(page, "composer").fill("Hello");
    await by(page, "send").click();
  },
  call: async (page) => {
    await by(page, "echo-test").click();
    await by(page, "call-timer").waitFor();
    await page.waitForTimeout(2300);
  },
  dtmf: async (page) => {
    await SCENES.call(page);
    await by(page, "call-keypad").click();
    await by(page, "dtmf-key-5").click();
  },
  held: async (page) => {
    await SCENES.call(page);
    await by(page, "call-hold").click();
    await page.waitForTimeout(400);
  },
  transfer: async (page) => {
    await SCENES.held(page);
    await by(page, "call-transfer").click();
    await by(page, "transfer-to").fill("+33 6 39 98 12 07");
  },
  transferred: async (page) => {
    await SCENES.call(page);
    await by(page, "call-transfer").click();
    await by(page, "transfer-to").fill("+44 7700 900486");
    await by(page, "transfer-now").click();
    await page.waitForTimeout(2300);
  },
  asked: async (page) => {
    await SCENES.call(page);
    await page.evaluate(() => window.tern.askTransfer(1, "+33639981207"));
    await page.waitForTimeout(200);
  },
  second: async (page) => {
    await SCENES.call(page);
    await page.evaluate(() => window.tern.ring());
    await by(page, "incoming-call").waitFor();
  },
  two: async (page) => {
    await SCENES.second(page);
    await by(page, "incoming-answer").click();
    await page.waitForTimeout(800);
  },
  conference: async (page) => {
    await SCENES.two(page);
    await by(page, "call-join").click();
    await by(page, "call-record").click();
    await page.waitForTimeout(1300);
  },
  poor: async (page) => {
    await SCENES.call(page);
    await page.evaluate(() =>
      window.tern.disturb({ mos: 2.6, loss: 0.12, concealed: 0.07, badSide: "there", silence: "blockedPath" }),
    );
    await page.waitForTimeout(1200);
    await by(page, "call-quality").locator("summary").click();
  },
  redirected: async (page) => {
    await by(page, "dial-input").fill("+44 7700 900302");
    await by(page, "dial-call").click();
    await by(page, "redirect-list").waitFor();
  },
  dialing: async (page) => {
    await by(page, "dial-input").fill("+44 7700 900142");
    await by(page, "dial-call").click();
    await page.waitForTimeout(1100);
  },
  ended: async (page) => {
    await by(page, "dial-input").fill("+44 7700 900404");
    await by(page, "dial-call").click();
    await page.waitForTimeout(1200);
  },
  emergency: async (page) => {
    await by(page, "dial-input").fill("112");
    await by(page, "dial-call").click();
    await by(page, "dial-error").waitFor();
  },
  funds: async (page) => {
    await by(page, "add-funds").click();
    await by(page, "amount-input").fill("2");
    await by(page, "amount-input").blur();
  },
  paying: async (page) => {
    await by(page, "add-funds").click();
    await by(page, "topup-confirm").click();
    await by(page, "topup-host").waitFor();
  },
  settings: async (page) => {
    await by(page, "open-settings").click();
  },
  contacts: async (page, size) => {
    await page.evaluate(() => {
      const names = ["Ágnes Kovács", "Ben Ó Briain", "Chloé Lefèvre-Desmarais de la Tour", "David Cohen", "Émile Zann", "Fatima az-Zahra", "Georg Müller", "Ольга Смирнова", "24h Taxi"];
      window.tern.meet(names.map((name, at) => ({ id: 500 + at, name, note: "", numbers: [{ number: `+4930901820${at}`, formatted: `+49 30 901820${at}`, label: null }] })));
    });
    await by(page, "tab-contacts").click();
    if (size === "wide") await by(page, "contact-row").click();
    if (size === "wide") await page.locator("[data-testid=contact-row]").nth(2).click();
  },
  contact: async (page) => {
    await by(page, "tab-contacts").click();
    await by(page, "contact-row").click();
  },
  nocontacts: async (page) => {
    await by(page, "tab-contacts").click();
    for (const [step] of ["first", "second", "third"].entries()) {
      await by(page, "contact-row").click();
      await by(page, "contact-remove").click();
      await by(page, "contact-remove-confirm").click();
      await page.waitForTimeout(100 + step);
      if (await by(page, "tab-contacts").isVisible()) await by(page, "tab-contacts").click();
    }
  },
  editcontact: async (page) => {
    await SCENES.contact(page);
    await by(page, "contact-edit").click();
    await by(page, "contact-name-input").fill("");
    await by(page, "contact-save").click();
  },
  imported: async (page) => {
    await by(page, "tab-contacts").click();
    const cards = "BEGIN:VCARD\nFN:Bo\nTEL:+4530901820\nEND:VCARD\nBEGIN:VCARD\nFN:Nobody\nEND:VCARD\n";
    await by(page, "contacts-file").setInputFiles({ name: "all.vcf", mimeType: "text/vcard", buffer: Buffer.from(cards) });
    await by(page, "contacts-counts").waitFor();
  },
  menu: async (page, size) => {
    await SCENES.activity(page, size);
    await page.locator('[data-testid=activity-item][data-peer="+447700900888"] button').click({ button: "right" });
  },
  threadmenu: async (page, size) => {
    await SCENES.thread(page, size);
    await by(page, "thread-more").click();
  },
  block: async (page, size) => {
    await SCENES.menu(page, size);
    await by(page, "menu-block").click();
    await by(page, "block-spam").click();
  },
  blocked: async (page, size) => {
    await SCENES.block(page, size);
    await by(page, "block-confirm").click();
    if (size === "narrow" || size === "least") await by(page, "tab-phone").click();
    await by(page, "open-settings").click();
    await by(page, "settings-blocked").click();
    await by(page, "blocked-activity").waitFor();
  },
  delete: async (page, size) => {
    await SCENES.menu(page, size);
    await by(page, "menu-delete").click();
  },
  kept: async (page) => {
    await SCENES.settings(page);
    await by(page, "export").click();
    await by(page, "export-done").waitFor();
    await by(page, "search-repair-more").click();
    await by(page, "search-repair").scrollIntoViewIfNeeded();
  },
  quiet: async (page) => {
    await SCENES.settings(page);
    await by(page, "quiet-add").click();
    await by(page, "quiet-add").scrollIntoViewIfNeeded();
  },
  code: async (page, size) => {
    await SCENES.activity(page, size);
    await page.locator("[data-testid=activity-item][data-peer=BANKLINE] button").click();
    await by(page, "message-code").click();
  },
  check: async (page) => {
    await SCENES.settings(page);
    await by(page, "sound-check").click();
    await page.waitForTimeout(1500);
    await by(page, "check-in").scrollIntoViewIfNeeded();
  },
  calls: async (page) => {
    await SCENES.settings(page);
    await by(page, "settings-hold").selectOption("file");
    await by(page, "settings-recordings-folder").scrollIntoViewIfNeeded();
  },
  media: async (page) => {
    await SCENES.settings(page);
    await by(page, "account-add").click();
    await by(page, "account-sound").click();
    await by(page, "media-ice").click();
    await by(page, "media-codecs").fill("opus, mp3");
    await by(page, "media-codecs").blur();
    await by(page, "media-turn").fill("turn.example.net");
    await by(page, "media-turn-password").scrollIntoViewIfNeeded();
  },
  newaccount: async (page) => {
    await by(page, "open-settings").click();
    await by(page, "account-add").click();
    await by(page, "account-domain").fill("not a domain");
    await by(page, "account-more").click();
    await by(page, "account-submit").click();
  },
  provider: async (page) => {
    await by(page, "open-settings").click();
    await by(page, "account-add").click();
    await by(page, "account-provider").selectOption("voipms");
    await by(page, "account-submit").click();
  },
  "show=choose": async (page) => {
    await by(page, "storage-passphrase").fill("correct");
    await by(page, "storage-again").fill("horse");
    await by(page, "storage-open").click();
  },
  "show=closed": async (page) => {
    await by(page, "storage-passphrase").fill("wrong");
    await by(page, "storage-open").click();
    await page.waitForTimeout(200);
  },
  "show=locked": async (page) => {
    await by(page, "storage-keyring").waitFor();
  },
  "show=ring": async (page) => {
    await by(page, "incoming-call").waitFor();
    await page.waitForTimeout(300);
  },
  "show=away,stale,password": async (page, size) => {
    await by(page, "away-notice").waitFor();
    await SCENES.activity(page, size);
  },
  "show=voicemail": async (page, size) => {
    await by(page, "voicemail").waitFor();
    await SCENES.activity(page, size);
  },
  "show=retrying": async (page) => {
    await by(page, "registration-error").waitFor();
  },
};

const wanted = process.argv.slice(2);
const picks = (value) => wanted.length === 0 || wanted.some((word) => word.split(",").includes(value));
const only = (values) => (values.some((value) => wanted.some((word) => word.split(",").includes(value))) ? values.filter(picks) : values);

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const server = await preview({ mode: "browser", preview: { port: 1421 } });
await mkdir(OUT, { recursive: true });
let faults = 0;

for (const size of only(Object.keys(SIZES))) {
  for (const theme of only(["light", "dark"])) {
    for (const language of only(["en", "fr", "ru"])) {
      for (const scene of only(Object.keys(SCENES))) await look(size, theme, language, scene);
    }
  }
}
await browser.close();
await server.close();
console.log(faults === 0 ? "nothing found" : `${faults} found`);
process.exit(faults === 0 ? 0 : 1);

async function look(size, theme, language, scene) {
  const [width, height] = SIZES[size];
  const locale = { en: "en-GB", fr: "fr-FR", ru: "ru-RU" }[language];
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    locale,
    bypassCSP: false,
    permissions: ["clipboard-write"],
  });
  const page = await context.newPage();
  const name = `${scene.replace(/^show=/, "").replaceAll(",", "-")}-${size}-${theme}-${language}`;
  const report = (what) => {
    faults += 1;
    console.log(`${name}: ${what}`);
  };
  page.on("console", (message) => message.type() === "error" && report(message.text()));
  page.on("pageerror", (error) => report(error.message));
  await page.goto(`http://localhost:1421/?${scene.startsWith("show=") ? scene : ""}`);
  await page.locator("[data-testid=window][data-link=live], [data-testid=storage]").waitFor();
  try {
    await SCENES[scene](page, size);
    await page.waitForTimeout(350);
    await page.screenshot({ path: `${OUT}${name}.png` });
    const wide = await page.evaluate(overflowing);
    for (const element of wide) report(`overflows: ${element}`);
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    for (const { id, nodes } of violations) report(`${id}: ${nodes.map((node) => node.target.join(" ")).join(" | ")}`);
  } catch (error) {
    report(error.message.split("\n")[0]);
  }
  await context.close();
}

/** Elements that stick out of the window, or of a box that does not scroll. */
function overflowing() {
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    if (element.closest("svg, .words-only") || element.getClientRects().length === 0) continue;
    const style = getComputedStyle(element);
    // What runs inline is cut by the box around it; the halo's waves are meant to spread.
    if (style.display === "inline" || element.classList.contains("halo")) continue;
    const box = element.getBoundingClientRect();
    const name = `${element.tagName.toLowerCase()}.${element.className} "${(element.textContent ?? "").trim().slice(0, 30)}"`;
    if (box.right > window.innerWidth + 1 || box.left < -1) found.push(name);
    const clips = style.textOverflow === "ellipsis" || style.overflowX !== "visible";
    if (!clips && element.scrollWidth > element.clientWidth + 1) found.push(`inside ${name}`);
  }
  return found.slice(0, 5);
}
