import { mount } from "svelte";
import { connect } from "./api/client";
import "./tokens.css";
import "./base.css";
import { speak } from "./i18n/index.svelte";
import { Session } from "./state/session.svelte";
import Window from "./views/Window.svelte";

speak("system");

const target = document.getElementById("window");
if (target) {
  const session = new Session(await connect());
  mount(Window, { target, props: { session } });
  await session.start();
}
