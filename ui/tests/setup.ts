import { cleanup } from "@testing-library/svelte";
import { afterEach, beforeEach, vi } from "vitest";
import { speak } from "../src/i18n/index.svelte";

beforeEach(() => {
  vi.spyOn(navigator, "languages", "get").mockReturnValue(["en-GB", "en"]);
  speak("en");
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});
