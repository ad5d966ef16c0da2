// How a person gets on with a form: which fields are judged already, and how handing it over goes.

import { toErrorView } from "../../api/client";
import { errorText, t } from "../../i18n/index.svelte";

export class Filling {
  /** While it is handed over. */
  busy = $state(false);
  /** Why it was not taken. */
  failure = $state<string | null>(null);
  #left = $state.raw<ReadonlySet<string>>(new Set());

  /** A field is judged once it was left, not while it is being typed: for its `onblur`. */
  leave = (name: string) => () => {
    this.#left = new Set([...this.#left, name]);
  };

  /** All fields of these forms are judged: somebody wants to hand them over. */
  leaveAll(...forms: readonly object[]): void {
    this.#left = new Set(forms.flatMap((form) => Object.keys(form)));
  }

  /** What to say of a field, where `wrong` names what is wrong by field. */
  problem<Name extends string>(name: Name, wrong: Partial<Record<Name, string>>): string | null {
    const key = this.#left.has(name) ? wrong[name] : undefined;
    return key ? t(key) : null;
  }

  async handOver(work: () => Promise<void>): Promise<void> {
    this.busy = true;
    this.failure = null;
    try {
      await work();
    } catch (thrown) {
      this.failure = errorText(toErrorView(thrown));
    } finally {
      this.busy = false;
    }
  }
}
