// A space in JavaScript: greets, says so to others, and counts the greetings that it hears of the Python space.

import { publish } from "spacehost:space/messaging@1.0.0";
import { get, set } from "spacehost:space/state@1.0.0";

const HEARD = bytes("heard");

const DESCRIPTOR = {
    descriptor: 1,
    version: "1.0.0",
    doc: "Greets in JavaScript.",
    commands: [{ name: "greet", doc: "Answers a greeting, and how many others it has heard." }],
    events: [{ topic: "javascript.greeted" }],
    subscriptions: [{ pattern: "python.greeted" }],
};

function bytes(text) {
    return new TextEncoder().encode(text);
}

function read(body) {
    return JSON.parse(new TextDecoder().decode(body));
}

function heard() {
    const stored = get(HEARD);
    return stored === undefined ? 0 : read(stored);
}

export const handler = {
    describe() {
        return JSON.stringify(DESCRIPTOR);
    },

    command(name, body) {
        // The host lets no other command in than those that are described.
        const who = read(body).name;
        if (who === undefined) throw { code: "nameless", message: "a greeting needs a name", retryable: false };
        publish("javascript.greeted", bytes(JSON.stringify({ name: who })));
        return bytes(JSON.stringify({ text: `Hello ${who}, from JavaScript`, heard: heard() }));
    },

    event() {
        set(HEARD, bytes(JSON.stringify(heard() + 1)));
    },

    timer(name) {
        throw { code: "unknown-timer", message: `there is no timer ${name}`, retryable: false };
    },
};
