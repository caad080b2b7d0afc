// A form for each command, made from its schema.

import type { Space } from "../../api/types";
import { Empty } from "../../ui/parts";
import { CommandForm } from "./command-form";

export function Commands({ space }: { space: Space }) {
  const commands = space.descriptor?.commands ?? [];
  if (commands.length === 0) return <Empty>It takes no commands.</Empty>;
  return (
    <div className="stack">
      {commands.map((command) => (
        // Another version may want another body: its form begins anew.
        <CommandForm key={`${space.digest} ${command.name}`} space={space.name} command={command} alone={commands.length === 1} />
      ))}
    </div>
  );
}
