/** How many steps wait for me: the badge of the inbox and the number in the title of the tab. */
import { ref } from "vue";

export const waiting = ref(0);
