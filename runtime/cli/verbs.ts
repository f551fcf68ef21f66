import { STATES } from '../show/connection.ts';
import { EXIT } from './exit.ts';
import type { Verb } from './verb.ts';

const FILE = { name: 'file', says: 'the gateway file, e.g. gateway.masq' };
const JSON_OPTION = { flags: '--json', says: 'the same as JSON, for programs' };
const NO_NEEDS = 'Needs no root, no BPF and no Linux.';

/** The verb table. A new verb is a row here and a file beside the others in runtime/verbs/. */
export const VERBS: readonly Verb[] = [
  {
    name: 'check',
    arguments: [FILE],
    summary: 'read a gateway file and say everything that is wrong with it',
    description: `Reads the file and what it includes, looks up every name and proves what can be proved: every mistake in one
run, each with its line, what was expected and, where there is one, a fix. With --fix the file and those that it includes are
mended where only one thing can have been meant, each change is shown, and the rest is said. ${NO_NEEDS}`,
    options: [
      { flags: '--format <format>', says: 'how to print', choices: ['human', 'json'], default: 'human' },
      { flags: '--fix', says: 'mend what is certain, in the files' },
      { flags: '--dry-run', says: 'with --fix: show what it would mend, write nothing' },
    ],
    examples: [
      { line: 'masqc check gateway.masq', says: 'errors and warnings, with the lines they speak of' },
      { line: 'masqc check gateway.masq --format json | jq .', says: 'the same for an editor or CI' },
      { line: 'masqc check gateway.masq --fix', says: 'mend misspelt words, missing commas and the like' },
    ],
    exits: [
      { code: EXIT.fine, says: 'no errors (there may be warnings)' },
      { code: EXIT.errors, says: 'errors in the file (--fix: that are left), or no such file' },
      { code: EXIT.refused, says: '--fix: a file cannot be written' },
    ],
    load: () => import('../verbs/check.ts'),
  },
  {
    name: 'test',
    arguments: [{ ...FILE, says: 'gateway files, each by itself', several: true }],
    summary: "run the files' own `expect` blocks",
    description: `Asks the compiled policy what becomes of each packet that an \`expect\` block names, and compares. The steps of
a block are a sequence: connections, mappings and limits last from one to the next. A file with errors fails; the others are run.
${NO_NEEDS}`,
    options: [
      {
        flags: '--format <format>',
        says: 'how to print',
        choices: ['human', 'json', 'tap', 'junit'],
        default: 'human',
      },
      { flags: '--json', says: 'the same as --format json' },
    ],
    examples: [
      { line: 'masqc test gateway.masq', says: 'one line an expectation; why, where one fails' },
      { line: 'masqc test gateways/*.masq', says: 'all of them, and which one is wrong' },
      { line: 'masqc test *.masq --format junit > masqc.xml', says: 'for GitLab, Jenkins and others' },
      { line: 'masqc test *.masq --format tap', says: 'TAP 14: a line an expectation, for prove and the like' },
    ],
    exits: [
      { code: EXIT.fine, says: 'every expectation holds' },
      { code: EXIT.errors, says: 'one does not, or a file has errors' },
    ],
    load: () => import('../verbs/test.ts'),
  },
  {
    name: 'diff',
    arguments: [
      {
        name: 'before',
        says: 'a gateway file, a built directory, or REVISION:FILE of git; alone: the file, against HEAD',
      },
      { name: 'after', says: 'what it is compared with', optional: true },
    ],
    summary: 'say what differs in the meaning of two gateway files',
    description: `Compares what becomes of every first packet: newly allowed ones first, then newly denied ones, then those that are
translated, limited or logged otherwise, as few and large sets as possible, each with a packet of it and the lines of both files.
Names, comments, and the order of lines that do not matter make no difference. Settings are compared, too. ${NO_NEEDS}`,
    options: [
      {
        flags: '--format <format>',
        says: 'how to print',
        choices: ['human', 'json', 'markdown', 'sarif', 'github'],
        default: 'human',
      },
      JSON_OPTION,
    ],
    examples: [
      { line: 'masqc diff gateway.masq', says: 'what would a commit change?' },
      { line: 'masqc diff HEAD~1:gateway.masq gateway.masq', says: 'since the commit before' },
      { line: 'masqc diff old.masq new.masq --format markdown', says: 'for a comment on a pull request' },
    ],
    exits: [
      { code: EXIT.fine, says: 'they mean the same' },
      { code: EXIT.errors, says: 'errors in a file, or no such file or revision' },
      { code: EXIT.pending, says: 'the meaning differs' },
    ],
    load: () => import('../verbs/diff.ts'),
  },
  {
    name: 'fmt',
    arguments: [{ name: 'file', says: 'gateway files; `-` is standard input', several: true }],
    summary: 'bring gateway files into their form: indented, in columns, comments aligned',
    description: `Writes each file anew with the same words in the same order: what it means does not change, nor what its comments
say. A file that is in its form already is not touched, and neither is one with syntax errors, which are said. At any instant the old
file or the new one is there, with the mode and the owner that it has. Files that are included are others: name them, too. ${NO_NEEDS}`,
    options: [
      { flags: '--check', says: 'write nothing; name the files that are not in their form' },
      { flags: '--diff', says: 'write nothing; show what would change' },
    ],
    examples: [
      { line: 'masqc fmt gateway.masq', says: 'in place' },
      { line: 'masqc fmt --check *.masq', says: 'in CI' },
      { line: 'masqc fmt - < gateway.masq', says: 'to standard output, for an editor' },
    ],
    exits: [
      { code: EXIT.fine, says: 'every file is in its form (now)' },
      { code: EXIT.errors, says: '--check, --diff: one is not; or a file has syntax errors, or there is no such file' },
      { code: EXIT.refused, says: 'a file cannot be written' },
    ],
    load: () => import('../verbs/fmt.ts'),
  },
  {
    name: 'export',
    arguments: [FILE],
    summary: 'print a gateway file, with all that it includes, as JSON',
    description: `For other tools: docs/gateway.schema.json describes the format, and every verb reads it again from a file whose name ends in
\`.json\`, alone or included. It means what the text means; comments are not in it. Paths of address files are relative to FILE. ${NO_NEEDS}`,
    options: [],
    examples: [
      { line: 'masqc export gateway.masq > gateway.json', says: 'once, and let a program go on from there' },
      { line: 'masqc check gateway.json', says: 'errors name the line and the value: declarations[3].policy.rules[0]' },
      { line: "masqc export gateway.masq | jq '.declarations[].host // empty'", says: 'every host with its addresses' },
    ],
    exits: [
      { code: EXIT.fine, says: 'printed' },
      { code: EXIT.errors, says: 'errors in the file; nothing is printed' },
    ],
    load: () => import('../verbs/export.ts'),
  },
  {
    name: 'explain',
    arguments: [{ name: 'code', says: 'codes of errors and warnings, e.g. MQ304', several: true, optional: true }],
    summary: 'say what an error or a warning means, with an example, and how to mend it',
    description: `Each code of \`masqc check\`: what it means and why it is one, lines that raise it, the same lines mended. Without a
code it lists all of them. docs/codes.md is the same text. ${NO_NEEDS}`,
    options: [JSON_OPTION],
    examples: [
      { line: 'masqc explain MQ304', says: 'what this one means' },
      { line: 'masqc explain', says: 'all codes, with their titles' },
    ],
    exits: [
      { code: EXIT.fine, says: 'explained' },
      { code: EXIT.errors, says: 'there is no such code' },
    ],
    load: () => import('../verbs/explain.ts'),
  },
  {
    name: 'trace',
    arguments: [FILE, { name: 'packet', says: 'a sentence of `expect`, without `is …`; or `wait 5m`', several: true }],
    summary: "tell a packet's story: which lines were asked, what it becomes, how its answer fares",
    description: `Sends packets through the simulated gateway of the file, one after the other, each after what the ones before have
left: connections, mappings, limits. Tells each station of the journey with the line that spoke, the lines of that block which were
asked before and why they did not take it, what the packet becomes, what its answer does, whom its outside port lets in, and
how a neighbour inside fares who asks for the same. Asks no machine. ${NO_NEEDS}`,
    options: [JSON_OPTION],
    examples: [
      { line: "masqc trace gateway.masq 'tcp from han:1025 on lan to 192.0.2.80:80'", says: 'how a host gets out' },
      { line: "masqc trace gateway.masq 'tcp from 192.0.2.9 on wan to wan:80'", says: 'what a stranger meets' },
      {
        line: "masqc trace gateway.masq 'udp from han:5000 on lan to 192.0.2.53:53' 'wait 6m' 'udp from 192.0.2.53:53 on wan to wan:5000'",
        says: 'an answer that comes too late',
      },
    ],
    exits: [
      { code: EXIT.fine, says: 'told, whatever becomes of the packet' },
      { code: EXIT.errors, says: 'errors in the sentence, shown with a mark, or in the file' },
    ],
    load: () => import('../verbs/trace.ts'),
  },
  {
    name: 'who',
    arguments: [FILE, { name: 'address', says: 'an address inside or outside, with a port or without' }],
    summary: 'say whose an outside address or port is, and as what a host appears',
    description: `Reads maps and blocks of ports (\`share\`) out of the file, both ways: they never change while the file does not, so no
log is needed. A share at an interface's own address is found by its inside address. Where the file's gateway is applied and you are
root, its tables are asked too: who has a port of a masquerade now, or had it until a moment ago. Otherwise it says that only the
file was asked. Who had a port yesterday, only a log knows: \`log\` in the masquerade, kept by \`masqc log\`.`,
    options: [JSON_OPTION],
    examples: [
      { line: 'masqc who gateway.masq 203.0.113.17:4711', says: 'who had this port outside' },
      { line: 'masqc who gateway.masq 100.64.0.65', says: 'the address and the ports of a customer' },
      { line: 'sudo masqc who gateway.masq 203.0.113.5:61002', says: 'who has this port of a masquerade now' },
    ],
    exits: [
      { code: EXIT.fine, says: 'found' },
      { code: EXIT.errors, says: 'neither the file nor the gateway says whose it is; or the file has errors' },
    ],
    load: () => import('../verbs/who.ts'),
  },
  {
    name: 'build',
    arguments: [FILE],
    summary: 'compile a gateway file into what can be read, compared and applied',
    description: `For eBPF it writes a directory: policy.o (the eBPF that decides first packets: read it with \`llvm-objdump -d\`),
maps.json, manifest.json and, where the addon is, linked.o. For nftables it prints one ruleset for \`nft -f\`, or writes it to a
file; what nftables can't say of the file is an error then. The same file gives the same bytes. ${NO_NEEDS}`,
    options: [
      { flags: '-t, --target <target>', says: 'for which datapath', choices: ['ebpf', 'nftables'], default: 'ebpf' },
      { flags: '-o, --output <path>', says: 'where to write: a directory (made if missing), of nftables a file' },
    ],
    examples: [
      { line: 'masqc build gateway.masq -o build/', says: 'in CI: keep what was reviewed' },
      { line: 'masqc apply build/', says: 'on the router: apply exactly that' },
      { line: 'masqc build gateway.masq --target nftables', says: 'read the same gateway as a ruleset' },
      { line: 'masqc build gateway.masq --target nftables | nft -c -f -', says: 'would the kernel take it?' },
    ],
    exits: [
      { code: EXIT.fine, says: 'written' },
      { code: EXIT.errors, says: 'errors in the file, or the target can not say it; nothing is written' },
      { code: EXIT.refused, says: 'the directory or file cannot be written' },
    ],
    load: () => import('../verbs/build.ts'),
  },
  {
    name: 'plan',
    arguments: [{ name: 'file', says: 'a gateway file, or a directory that `masqc build` wrote' }],
    summary: 'say what apply would do, step by step, without doing it',
    description: `Compares the file with what runs on this machine and prints the steps that \`masqc apply\` would take, what they
cost and what becomes of live connections. Changes nothing. With --against it compares with a built directory
instead, and then needs no root, no BPF and no Linux.`,
    options: [
      { flags: '--against <dir>', says: 'compare with a directory that `masqc build` wrote, not with this machine' },
      JSON_OPTION,
    ],
    examples: [
      { line: 'masqc plan gateway.masq', says: 'on the gateway, as root' },
      { line: 'masqc plan gateway.masq --against build/', says: 'in a pull request: exit 2 when something changes' },
    ],
    exits: [
      { code: EXIT.fine, says: 'nothing to do' },
      { code: EXIT.errors, says: 'errors in the file' },
      { code: EXIT.pending, says: 'there are changes to apply' },
      { code: EXIT.refused, says: 'this machine cannot be read, or could not run it' },
    ],
    load: () => import('../verbs/plan.ts'),
  },
  {
    name: 'apply',
    arguments: [{ name: 'file', says: 'a gateway file, or a directory that `masqc build` wrote' }],
    summary: 'make this machine do what the file says',
    description: `Does the steps of \`masqc plan\`, no more. The new policy takes over with one store: a connection is decided by the
old file or by the new one, never by half of each. Established ones are decided again by their next packet, unless the
file says \`established keep\` (they go on) or \`established flush\` (they end). If a step fails, what was done is
undone. Needs root and a kernel from 6.1 on, with BTF.`,
    options: [
      { flags: '--wait <seconds>', says: 'how long to wait for another apply to end', default: '10' },
      { flags: '--json', says: 'report as JSON' },
    ],
    examples: [
      { line: 'masqc plan gateway.masq && masqc apply gateway.masq', says: 'look first' },
      {
        line: 'ip netns exec lab masqc apply gateway.masq',
        says: 'in a network namespace: touches nothing outside it',
      },
    ],
    exits: [
      { code: EXIT.fine, says: 'done, or nothing to do' },
      { code: EXIT.errors, says: 'errors in the file; nothing is touched' },
      { code: EXIT.refused, says: 'the machine refused; what was done is undone' },
    ],
    load: () => import('../verbs/apply.ts'),
  },
  {
    name: 'attach',
    arguments: [{ name: 'device', says: 'do nothing unless it is one of the file, e.g. ppp0', optional: true }],
    summary: 'put the programs on devices that have come since apply',
    description: `A device that comes after apply (ppp0 dialled again, a USB network card) is shut until it carries the programs.
This puts them on every device of the applied file that is here, and forgets those that are gone. Needs no file, changes
no rule, and does nothing when nothing is to be done: made for hooks, which call it for any device. Needs root.`,
    options: [
      { flags: '--wait <seconds>', says: 'how long to wait for another masqc to end', default: '10' },
      JSON_OPTION,
    ],
    examples: [
      { line: 'masqc attach', says: 'all of them' },
      { line: 'masqc attach "$PPP_IFACE"', says: 'in /etc/ppp/ip-up.d' },
    ],
    exits: [
      { code: EXIT.fine, says: 'they are attached, or there is nothing to attach' },
      { code: EXIT.refused, says: 'the machine refused, or apply is needed; what is said' },
    ],
    load: () => import('../verbs/attach.ts'),
  },
  {
    name: 'watch',
    arguments: [],
    summary: 'attach devices the moment that they come, until it is ended',
    description: `Listens to the kernel (rtnetlink) and does what \`masqc attach\` does whenever a device of the applied file
comes, goes or changes. Run it by systemd; packets never need it: without it a device that comes stays shut. Needs root.`,
    options: [{ flags: '--json', says: 'an object a line for each event' }],
    examples: [{ line: 'systemctl enable --now masqc-watch', says: 'by examples/hooks/masqc-watch.service' }],
    exits: [
      { code: EXIT.fine, says: 'it was told to end (SIGTERM, Ctrl-C)' },
      { code: EXIT.refused, says: 'this machine cannot do it' },
    ],
    load: () => import('../verbs/watch.ts'),
  },
  {
    name: 'show',
    arguments: [
      { name: 'what', says: 'what to show', choices: ['connections', 'status', 'drops', 'rules', 'accounts'] },
    ],
    summary: 'show connections, status, drops, rules or accounts of the gateway that runs here',
    description: `connections: every translated or tracked connection, in the columns of \`ipfwadm -M -l\`, and the line of the file
that let it in. status: what runs, where it is attached, how full the table is, and what is amiss. drops: dropped
packets by reason. rules: the lines of the file with packets, bytes and connections in the margin. accounts: what each
address of \`account\` has sent and received. Only reads. Needs root.`,
    options: [
      JSON_OPTION,
      { flags: '--host <address>', says: 'connections with this end, inside or outside, with a port or without' },
      { flags: '--state <state>', says: 'connections that stand there', choices: STATES },
      {
        flags: '--by <block>',
        says: 'connections let in or translated by a block (lan-out) or line (gateway.masq:44)',
      },
    ],
    examples: [
      { line: 'masqc show connections', says: 'who talks to whom, under which port, by which line' },
      { line: "masqc show connections --json | jq -r '.source.address' | sort | uniq -c", says: 'connections a host' },
      { line: 'masqc show connections --host 192.168.1.20 --state established', says: 'those of one host' },
      { line: 'masqc show drops', says: 'what was dropped, and why' },
    ],
    exits: [
      { code: EXIT.fine, says: 'shown' },
      { code: EXIT.refused, says: 'nothing is applied here, or it cannot be read' },
    ],
    load: () => import('../verbs/show.ts'),
  },
  {
    name: 'log',
    arguments: [],
    summary: 'print what the lines with `log` have written',
    description: `Takes the events that wait in the kernel, oldest first, and prints a line for each: time, verdict, the line of the file,
interfaces, addresses and ports before and after translation. docs/log.md describes the format. There is one reader at a
time, and what it has taken out is gone: a second one is refused. Needs root.`,
    options: [
      { flags: '-f, --follow', says: 'go on, and print events as they come' },
      { flags: '--json', says: 'an object a line' },
    ],
    examples: [
      { line: 'masqc log -f', says: 'as they come, until Ctrl-C' },
      { line: 'masqc log -f --json | jq -r \'select(.verdict == "denied").source.address\'', says: 'who was denied' },
    ],
    exits: [
      { code: EXIT.fine, says: 'printed' },
      { code: EXIT.refused, says: 'nothing is applied here, or somebody else reads the log' },
    ],
    load: () => import('../verbs/log.ts'),
  },
  {
    name: 'doctor',
    arguments: [
      { name: 'file', says: 'a gateway file, or a built directory; else what is applied here', optional: true },
    ],
    summary: 'look at this machine: what would keep the gateway from its work, and what mends it',
    description: `Kernel, devices (XDP and its cost, offloads, other programs on the hooks, MTUs), routes, rp_filter, forwarding,
ports, IPsec, other firewalls, and whether the machine is still as it was applied. Each finding with its reason and the
command that mends it; it runs none of them. Only reads. Needs root.`,
    options: [JSON_OPTION],
    examples: [
      { line: 'masqc doctor gateway.masq', says: 'before the first apply' },
      { line: 'masqc doctor', says: 'of what is applied here' },
      { line: 'masqc doctor --json | jq \'.findings[] | select(.severity=="error")\'', says: 'what breaks' },
    ],
    exits: [
      { code: EXIT.fine, says: 'nothing breaks (there may be warnings)' },
      { code: EXIT.errors, says: 'errors in the file' },
      { code: EXIT.pending, says: 'something breaks: packets get lost, or apply would be refused' },
      { code: EXIT.refused, says: 'no root, no Linux' },
    ],
    load: () => import('../verbs/doctor.ts'),
  },
  {
    name: 'down',
    arguments: [],
    summary: 'take the gateway of this network namespace away, every trace of it',
    description: `Detaches the programs, removes pins, guard and state and puts ip_forward back as it was. Live connections through
the gateway end. Harmless when nothing is applied, or when what was applied is broken. Needs root.`,
    options: [{ flags: '--wait <seconds>', says: 'how long to wait for another apply to end', default: '10' }],
    examples: [{ line: 'masqc down', says: 'as if masqc had never been here' }],
    exits: [
      { code: EXIT.fine, says: 'nothing of masqc is left here' },
      { code: EXIT.refused, says: 'something could not be removed; what is said' },
    ],
    load: () => import('../verbs/down.ts'),
  },
];
