/// <reference types="vite/client" />

/** Whether this build carries the fake engine: true in development, tests and the browser build. */
declare const __WITH_FAKE__: boolean;
