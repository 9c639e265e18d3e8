/** The console: one page for desks, in front of the API that every other program uses too. */
import "element-plus/dist/index.css";
import "./design/tokens.css";

import { createApp } from "vue";

import App from "./app/App.vue";
import { router } from "./app/router";

createApp(App).use(router).mount("#app");
