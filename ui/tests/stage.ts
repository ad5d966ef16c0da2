// A window on a fake engine, and the few moves tests make in it.

import { render } from "@testing-library/svelte";
import { tick } from "svelte";
import { vi } from "vitest";
import { createFake, type Fake, type FakeOptions } from "../src/api/fake";
import { Session } from "../src/state/session.svelte";
import Window from "../src/views/Window.svelte";

export interface Stage {
  fake: Fake;
  session: Session;
}

/** Opens the window under virtual time and waits for its first snapshot. */
export async function open(options: FakeOptions = {}): Promise<Stage> {
  vi.useFakeTimers({ now: Date.parse("2026-03-18T12:00:00Z") });
  const fake = createFake(options);
  const session = new Session(fake);
  render(Window, { props: { session } });
  await session.start();
  await pass(0);
  return { fake, session };
}

/** Lets time go by, with everything that is due in it. */
export async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await tick();
}

export function all(testid: string): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>(`[data-testid="${testid}"]`)];
}

export function find(testid: string): HTMLElement | null {
  return all(testid)[0] ?? null;
}

export function get(testid: string): HTMLElement {
  const element = find(testid);
  if (!element) throw new Error(`nothing on screen is called ${testid}`);
  return element;
}

export function text(testid: string): string {
  return (get(testid).textContent ?? "").replace(/\s+/g, " ").trim();
}

export async function click(testid: string): Promise<void> {
  get(testid).click();
  await pass(0);
}

export async function type(testid: string, value: string): Promise<void> {
  const field = get(testid) as HTMLInputElement;
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  await pass(0);
}

/** Picks from a list. */
export async function choose(testid: string, value: string): Promise<void> {
  const list = get(testid) as HTMLSelectElement;
  list.value = value;
  list.dispatchEvent(new Event("change", { bubbles: true }));
  await pass(0);
}

/** Moves on from a field. */
export async function leave(testid: string): Promise<void> {
  get(testid).dispatchEvent(new FocusEvent("blur"));
  await pass(0);
}

export async function press(key: string, target: EventTarget = document.body, init: KeyboardEventInit = {}): Promise<void> {
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...init }));
  await pass(0);
}

/** Opens the row of Recent Activity whose other side is `peer`. */
export async function openRow(peer: string): Promise<void> {
  const row = document.querySelector<HTMLElement>(`[data-testid=activity-item][data-peer="${peer}"] button`);
  if (!row) throw new Error(`no row of ${peer}`);
  row.click();
  await pass(0);
}
