// What the fake engine's provider does besides calls and SMS: enough to see each answer once.

import type { AnsweringView, ForwardingView, LedgerPage, OfferView, OrderView, PaperView, QuoteView, RefundView } from "./generated";

const usd = (amount: string) => ({ amount, currency: "USD" });

export const OFFERS: OfferView[] = [
  {
    id: "gb-mobile",
    country: "GB",
    city: null,
    line: "mobile",
    calls: true,
    sms: true,
    monthlyFee: usd("3.20"),
    setupFee: null,
    incomingMinute: usd("0.01"),
    smsPrice: usd("0.05"),
    restrictions: [],
    documents: [],
    connectionDays: null,
    stock: 20,
    trialHours: 336,
  },
];

export const quote: QuoteView = {
  listPrice: usd("3.20"),
  discountPercent: "0",
  total: usd("3.20"),
  cashback: usd("0.16"),
};

export const order: OrderView = { id: "ord_1", state: "done", total: usd("3.20"), numbers: ["+447700900155"] };

export const forwarding: ForwardingView = { targets: [{ type: "ownSip" }], inTurn: false };

export const greeting = { id: "grt_1", name: "hello.wav", seconds: 4 };

export const answering: AnsweringView = { on: true, greeting: greeting.id, greetings: [greeting] };

export const paper: PaperView = {
  id: "doc_1",
  kind: "passport",
  state: "inReview",
  reason: null,
  at: "2026-03-02T09:00:00Z",
};

export const refund: RefundView = {
  id: "ref_1",
  service: "num_1",
  amount: usd("3.20"),
  at: "2026-03-02T09:00:00Z",
  state: "inReview",
  due: "2026-03-04",
  ground: null,
  toBalance: null,
};

export const ledger: LedgerPage = {
  rows: [
    {
      id: "txn_1",
      at: "2026-03-02T09:00:00Z",
      transaction: { kind: "renewal", amount: usd("-3.20"), balanceAfter: usd("31.04"), description: "Renewed" },
      reference: "num_1",
    },
  ],
  next: null,
};
