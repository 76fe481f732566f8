// Gone and back: the browser is offline, or the server is being restarted. The page says so and goes on by itself.

import { refreshConversation } from "./actions.js";
import { announce } from "./announce.js";
import { refreshFeedback } from "./feedback_actions.js";
import { change, state } from "./state.js";
import { refreshList } from "./talk_list.js";
import { t } from "./words.js";

/** Follow the browser's own word too: it knows sooner than the stream that the network is gone. */
export function watchConnection(live) {
  addEventListener("offline", () => hearOfConnection(false));
  addEventListener("online", () => live.restart());
}

/** The live stream is up, or not. Back again, what happened meanwhile is read. */
export function hearOfConnection(isUp) {
  const wasUp = state.isConnected;
  if (isUp === wasUp) return;
  change({ isConnected: isUp });
  announce(t(isUp ? "connected_again" : "reconnecting"));
  if (!isUp) return;
  refreshList();
  const { id } = state.conversation ?? {};
  if (!id) return;
  change({ hint: null });
  refreshConversation(id);
  refreshFeedback(id);
}
