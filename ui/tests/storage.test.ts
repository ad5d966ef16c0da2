import { expect, it } from "vitest";
import { PASSPHRASE } from "../src/api/fake";
import type { StorageView } from "../src/api/generated";
import { click, find, get, open, pass, text, type, type Stage } from "./stage";

const closed = (storage: StorageView): Promise<Stage> => open({ storage });

async function submit(): Promise<void> {
  get("storage-passphrase").closest("form")?.requestSubmit();
  await pass(0);
}

it("a history with a passphrase opens with it, and says so when it is another", async () => {
  await closed({ type: "passphraseNeeded" });
  expect(find("window")).toBeNull();
  expect(text("storage-why")).toContain("closed with a passphrase");
  await type("storage-passphrase", "another horse");
  await submit();
  expect(text("storage")).toContain("does not open your history");
  expect((get("storage-passphrase") as HTMLInputElement).value).toBe("");
  await type("storage-passphrase", PASSPHRASE);
  await submit();
  expect(find("storage")).toBeNull();
  expect(text("account-name")).toBe("Sandbox");
});

it("without a keyring a new passphrase is typed twice, or nothing is kept", async () => {
  const { fake } = await closed({ type: "choose", plain: false });
  await type("storage-passphrase", PASSPHRASE);
  await type("storage-again", "something else");
  await submit();
  expect(text("storage")).toContain("differ");
  expect(fake.commands).toEqual([]);
  await click("storage-none");
  expect(fake.commands).toEqual([{ type: "openStorage", choice: { type: "noHistory" } }]);
  expect(find("window")).not.toBeNull();
});

it("a closed keyring is asked again, and a file that can't be opened is kept aside only when asked to", async () => {
  const { fake } = await closed({ type: "keyringClosed" });
  expect(find("storage-passphrase")).toBeNull();
  await click("storage-keyring");
  expect(find("storage")).not.toBeNull();
  await click("storage-anew");
  expect(text("storage-why")).toContain("is kept");
  await click("storage-anew-keyring");
  expect(fake.commands.at(-1)).toEqual({ type: "openStorage", choice: { type: "startAnew" } });
  expect(find("storage")).toBeNull();
});
