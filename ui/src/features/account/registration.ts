// Registration in words, a drawing and a tone: never by colour alone.

import type { AccountView, ErrorView, RegistrationState } from "../../api/generated";
import type { IconName } from "../../components/icons";

export interface Standing {
  /** Key of the words. */
  words: string;
  icon: IconName;
  tone: "good" | "calm" | "warn" | "bad";
  /** Why it is not as it should be. */
  error: ErrorView | null;
}

export function standing(registration: RegistrationState): Standing {
  switch (registration.state) {
    case "registered":
      return { words: "registration-registered", icon: "check", tone: "good", error: null };
    case "registering":
      return { words: "registration-registering", icon: "wait", tone: "calm", error: null };
    case "offline":
      return { words: "registration-offline", icon: "offline", tone: "warn", error: null };
    case "retrying":
      return { words: "registration-retrying", icon: "retry", tone: "warn", error: registration.error };
    case "passwordNeeded":
      return { words: "registration-password-needed", icon: "alert", tone: "warn", error: registration.error };
    case "stopped":
      return { words: "registration-stopped", icon: "alert", tone: "bad", error: registration.error };
  }
}

/** Whether only a password gets this account any further. */
export function wantsPassword(account: AccountView): ErrorView | null {
  const { registration } = account;
  if (registration.state === "passwordNeeded") return registration.error;
  if (registration.state === "stopped" && registration.error.code === "wrongPassword") return registration.error;
  return null;
}
