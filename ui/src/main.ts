import "./tokens.css";
import "./window.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { tauriEngine } from "./engine";

const target = document.getElementById("window");
if (target === null) throw new Error("index.html has no #window to draw in");
mount(App, { target, props: { engine: tauriEngine } });
