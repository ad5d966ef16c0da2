// What can be done about somebody, wherever a row or a conversation shows them.

import type { AccountId, ThreadId } from "../../api/generated";
import type { MenuItem } from "../../components/menu";
import { t } from "../../i18n/index.svelte";
import { isService } from "../../state/peer";
import type { Session } from "../../state/session.svelte";

/** Somebody at the other side. */
export interface Other {
  account: AccountId;
  /** As the activity has them. */
  peer: string;
  /** As they are shown. */
  name: string;
  thread: ThreadId | null;
}

export function moves(session: Session, { account, peer, name, thread }: Other): MenuItem[] {
  const person = peer !== "" && !isService(peer);
  const contact = session.contactOf(peer);
  const items: (MenuItem | false)[] = [
    person &&
      (contact
        ? {
            key: "contact",
            text: t("contact-show"),
            icon: "person",
            onchoose: () => session.go({ at: "contact", contact: contact.id }),
          }
        : {
            key: "add-contact",
            text: t("contact-add-number"),
            icon: "person",
            onchoose: () => (session.sheet = { type: "contact", contact: null, number: peer }),
          }),
    person && {
      key: "copy",
      text: t("contact-copy"),
      icon: "copy",
      onchoose: () => void navigator.clipboard.writeText(peer).catch(() => {}),
    },
    person &&
      (session.blockOf(peer)
        ? {
            key: "unblock",
            text: t("unblock"),
            icon: "check",
            onchoose: () => void session.attempt({ type: "unblockNumber", number: peer }, account),
          }
        : {
            key: "block",
            text: t("block-menu"),
            icon: "block",
            bad: true,
            onchoose: () => (session.sheet = { type: "block", number: peer, name, thread }),
          }),
    thread !== null && {
      key: "delete",
      text: t("thread-delete-menu"),
      icon: "trash",
      bad: true,
      onchoose: () => (session.sheet = { type: "deleteThread", account, thread, name }),
    },
  ];
  return items.filter((item) => item !== false);
}
