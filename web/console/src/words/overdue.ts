/** What the overdue list says. */
export const overdue = {
  "overdue.title": ["超期", "Overdue"],
  "overdue.tab.overdue": ["超期", "Overdue"],
  "overdue.tab.warning": ["临期", "Due soon"],
  "overdue.tab.paused": ["停表", "Paused"],
  "overdue.tab.none": ["未设时限", "No limit"],
  "overdue.basis": ["依据", "Basis"],
  "overdue.basis.any": ["全部", "All"],
  "overdue.order": ["紧急在前，其次法定和本级规定，再按超期最久", "Emergencies first, then what binds, then the longest overdue"],
  "overdue.nothing": ["没有超期的环节", "Nothing is overdue"],
  "overdue.since": ["到达时间", "Since"],
  "overdue.act": ["操作", "Act"],
  "overdue.remind": ["催办", "Remind"],
  "overdue.supervise": ["督办", "Supervise"],
} as const;
