export interface CompletableCommand {
  readonly id: string;
  readonly summary: string;
  /** Long flags, with their dashes. */
  readonly flags: readonly string[];
  /** Whether its arguments are nodes. */
  readonly takesNodes: boolean;
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A completion script for one shell: verbs, flags, and the nodes of the topology file in force. */
export function completionScript(shell: Shell, commands: readonly CompletableCommand[]): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](commands);
}

/** The nodes come from the tool itself, so that they are always those of the file in this folder. */
const NODES = 'replctl completion --nodes 2>/dev/null';

function bashScript(commands: readonly CompletableCommand[]): string {
  const cases = commands.map(
    ({ id, flags, takesNodes }) =>
      `    ${id}) words="${flags.join(' ')}"${takesNodes ? `; nodes=$(${NODES})` : ''} ;;`,
  );
  return `# replctl completion bash > /etc/bash_completion.d/replctl
_replctl() {
  local current="\${COMP_WORDS[COMP_CWORD]}" verb="\${COMP_WORDS[1]}" words="" nodes=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ id }) => id).join(' ')}" -- "$current"))
    return
  fi
  case "$verb" in
${cases.join('\n')}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$nodes" -- "$current")) ;;
  esac
}
complete -o default -F _replctl replctl
`;
}

function zshScript(commands: readonly CompletableCommand[]): string {
  const verbs = commands.map(({ id, summary }) => `    ${quote(`${id}:${summary.replaceAll(':', ' ')}`)}`);
  const cases = commands.map(
    ({ id, flags, takesNodes }) =>
      `    ${id}) compadd -- ${flags.join(' ')}${takesNodes ? `; compadd -- \${(f)"$(${NODES})"}` : ''}; _files ;;`,
  );
  return `#compdef replctl
# replctl completion zsh > "\${fpath[1]}/_replctl"
_replctl() {
  local -a verbs
  verbs=(
${verbs.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' verbs
    return
  fi
  case "$words[2]" in
${cases.join('\n')}
  esac
}
_replctl "$@"
`;
}

function fishScript(commands: readonly CompletableCommand[]): string {
  const lines = commands.flatMap(({ id, summary, flags, takesNodes }) => [
    `complete -c replctl -n __fish_use_subcommand -f -a ${id} -d ${quote(summary)}`,
    ...flags.map((flag) => `complete -c replctl -n '__fish_seen_subcommand_from ${id}' -l ${flag.slice(2)}`),
    ...(takesNodes ? [`complete -c replctl -n '__fish_seen_subcommand_from ${id}' -f -a '(${NODES})'`] : []),
  ]);
  return `# replctl completion fish > ~/.config/fish/completions/replctl.fish\n${lines.join('\n')}\n`;
}

/** One word for a POSIX shell and for fish. */
function quote(text: string): string {
  return `'${text.replaceAll("'", '’')}'`;
}
