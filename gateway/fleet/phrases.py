"""The sentences of which the simulated model makes its English texts. `{noun}` stands in front of another noun.

They hold for any subject, claim no facts, and are drawn without repeating one in the same text.
"""

from __future__ import annotations

OPENING = (
    "Most people meet the {noun} question for the first time when something has already gone wrong.",
    "Ask three colleagues about it and you will get three answers, each of them right on a different day.",
    "There is a quiet version of the {noun} story that rarely gets told: the one in which things simply work.",
    "Good {noun} work looks easy from the outside, and that is the best sign that somebody thought about it.",
    "Before you change anything, it helps to see what the {noun} routine looks like on an ordinary Tuesday.",
    "You do not need new tools for this; an hour, a sheet of paper and an honest look are enough to begin.",
    "Every {noun} plan begins with a small decision that somebody was willing to make first.",
    "What follows is written for people who have to get on with it, not for those who only talk about it.",
)
IDEA = (
    "The useful question is not whether it matters, but what you would do differently on Monday morning.",
    "Start with what you can see: the place, the people involved and the time it takes.",
    "A {noun} decision is easier to keep when everyone has heard the reason for it once.",
    "Small steps have an advantage that large ones lack: you can take them back.",
    "What looks like a matter of taste is often a matter of order, and order can be learned.",
    "The first draft of a {noun} plan is allowed to be wrong; it is not allowed to be missing.",
    "Nobody remembers the clever shortcut, but everybody remembers the day on which it failed.",
    "It pays to write down what you expect before you look at what happened.",
    "The best {noun} ideas tend to come from the people who have to live with the result.",
    "Once the purpose is clear, half of the open questions answer themselves.",
    "Two things decide here: how often something happens, and how much it hurts when it does.",
    "A rule that needs an exception every week is not a rule yet.",
    "Attention is the scarce material, and a good {noun} routine spends it where it counts.",
    "What you leave out shapes the result as much as what you put in.",
    "If a thing cannot be explained in two sentences, it is probably two things.",
    "The order of the steps matters more than their number.",
    "Simple arrangements survive busy weeks; ingenious ones need somebody who looks after them.",
    "A {noun} habit becomes part of the work only when it saves somebody time.",
)
EXAMPLE = (
    "Picture a team of four: one notices the {noun} gap, one names it, one closes it, and one makes sure it stays so.",
    "Take an ordinary week: two surprises, one holiday and a delivery that comes a day late.",
    "Someone new joins on a Wednesday, asks why, and the honest answer is that nobody knows any more.",
    "Think of the last time you had to look something up twice; the second time was the expensive one.",
    "Imagine that you had to hand it over tomorrow, with ten minutes to explain it.",
    "A note on the door, three lines long, has settled more {noun} arguments than many meetings.",
    "Consider the person who comes in last and still has to find everything.",
    "In one place it begins with a list, in another with a walk through the building; both begin with looking.",
    "Watch somebody do it who has done it a hundred times, and count how often they stop to think.",
    "Suppose the most experienced person is away for a month; what would you miss first?",
    "The same {noun} task takes twenty minutes in the morning and an hour in the late afternoon.",
    "A photograph of the finished state, pinned where everyone passes, does more than a page of instructions.",
    "Lay the last five cases side by side, and the pattern shows itself without any statistics.",
    "Somebody once drew the whole thing on the back of an envelope, and the envelope is still in use.",
)
PRACTICE = (
    "Choose one day, do it by hand, and note what got in the way.",
    "Then cut the list in half and begin with whatever can be finished today.",
    "Give every {noun} task a name, a place and a person, and most of the confusion is gone.",
    "Keep the notes short enough that you will still read them when you are tired.",
    "Agree on one sign that tells everybody the step is done.",
    "Set a time at which you stop, even if it is not perfect.",
    "Put the most fragile part first, while there is still room to repair it.",
    "Ask the person after you what they need, and give them exactly that.",
    "Check the result once with fresh eyes, ideally with somebody else's.",
    "Leave a little slack in the {noun} calendar; it will be used.",
    "Repeat what worked, and write down the two conditions under which it did.",
    "Throw away one thing for each one that you add.",
    "Make the usual case effortless and the rare case possible.",
    "Measure before and after with the same ruler, even if it is only a pencil mark.",
    "Keep everything for {noun} work in one place, and label the place.",
    "Talk about it standing up, for five minutes, always at the same hour.",
    "Try the change with one part first, and let a week pass before the next.",
    "When it works, tell the story to someone else; explaining finds the last gaps.",
)
CAUTION = (
    "It does not always work, and it is better to say so early.",
    "The usual mistake is to begin with the exception.",
    "Beware of the {noun} solution that only its inventor can operate.",
    "More detail is not more certainty.",
    "If two people keep correcting each other, the task has two owners, which is to say none.",
    "A good week proves little; look at the bad one.",
    "There is a point at which further polishing only delays the answer.",
    "What helps a beginner can hinder an expert, so mark the steps that may be skipped.",
    "Do not confuse a full calendar with a finished {noun} plan.",
    "Some questions stay open, and a good text says which.",
    "The old way had its reasons; find them before you remove it.",
    "Not everything that can be counted is worth the counting.",
)
CLOSING = (
    "None of this is finished, and that is the point: a {noun} routine is kept, not completed.",
    "Begin with the part that you would miss most, and let the rest wait for its turn.",
    "In the end it comes down to noticing early and changing little.",
    "What remains is the pleasure of a thing that does what it should, every day, without being noticed.",
    "And if it goes wrong, you will at least know which step it was.",
    "The next step is small enough to take before lunch.",
    "Whatever you choose, choose it on purpose, and tell the others.",
    "That is all it takes to turn the {noun} question from a worry into a habit.",
)
LEAD = (
    "In {noun} work, this is the part where opinions turn into decisions.",
    "Here the {noun} question becomes concrete.",
    "Nobody starts here, and yet every {noun} story comes past this point.",
    "This is what experienced people look at first when they see a new {noun} plan.",
    "On paper this part is short; in {noun} practice it takes the most time.",
    "Ask a beginner and an expert about it, and you will hear the two halves of the {noun} answer.",
    "Most of what can be saved in {noun} work is saved here.",
    "This part of the {noun} plan deserves a quiet hour.",
)
PRESS = (
    "The work begins on the day named above and runs without interruption.",
    "Visitors and the press are welcome by appointment.",
    "Further details of the {noun} plan follow as soon as they are settled.",
    "Pictures and interviews are available on request.",
    "Questions about the {noun} project are answered at the address below.",
)
PRODUCT = (
    "It stays out of the way until it is needed, and then it is where the hand looks for it.",
    "Nothing on it is there for the photograph.",
    "What wears can be replaced, and what holds was made to hold.",
    "The {noun} question that decides is the one asked in the third year, not on the first day.",
    "It does one job, does it quietly, and needs no instructions.",
    "Look at the seams and the edges first; that is where the work shows.",
    "It grows better with use, within reason.",
    "Anyone who compares will want to compare the details above, one by one.",
)
HEADINGS = (
    "Begin where the trouble begins",
    "What a good day looks like",
    "One change at a time",
    "Who needs to know, and when",
    "The part that everybody forgets",
    "When it does not work",
    "What to keep, what to drop",
    "Hand it on",
)
TAKEAWAYS = (
    "Look first, then change one thing.",
    "Give every task a person and a place.",
    "Write down what worked, and under which conditions.",
    "Keep some slack; it will be used.",
    "Say early what does not work.",
    "Make the usual case easy.",
    "Review it after a week, with fresh eyes.",
)
QUESTIONS = (
    "When did {subject} first become a question for you, and what did you do that day?",
    "Walk us through an ordinary morning: where does {subject} turn up in it?",
    "Which decision would you take again in the same way, and which one not?",
    "Who taught you most about this, and how did they do it?",
    "What do people get wrong about it, and what does it cost them?",
    "Tell us about a day on which it failed. What did you see first?",
    "What did you stop doing, and how long did it take until nobody missed it?",
    "Where does {subject} still depend on one person, and what happens when they are away?",
    "Which figure do you look at every week, and why that one?",
    "What would you show a visitor who had only ten minutes?",
    "Who disagrees with you, and what is their best argument?",
    "What has changed since the beginning that nobody outside can see?",
    "Which tool or object could you not do without?",
    "How do you notice that something is about to go wrong?",
    "What did the last beginner ask that you could not answer at once?",
    "If you could begin again tomorrow, what would you leave out?",
    "What will look different in three years, and what will not?",
    "What does it cost, in time rather than in money?",
    "Which part do you keep for yourself, although you could give it away?",
    "Who else should we ask about this?",
    "What should people do first who want to try it themselves?",
    "Which promise about {subject} do you never make?",
    "What did you learn from somebody in a quite different trade?",
    "What do you hope that people will remember?",
    "What have we not asked that we should have?",
)
FOLLOW_UPS = (
    "What exactly did it look like?",
    "Can you give us one example, with place and time?",
    "Who noticed it first?",
    "What did you do next?",
    "How do you know?",
)
SCENES = (
    ("Close-up: hands at work, no face yet", "It starts with one small thing."),
    ("Wide shot: the whole place, early light", "This is where it happens, every day."),
    ("Over the shoulder: the first step", "Step one takes a minute. Do not skip it."),
    ("Detail: what it looks like when it goes wrong", "Here is the mistake that most of us make."),
    ("The same detail, done right", "And here is the difference."),
    ("Split screen: before and after", "Look at both. You can see it from across the room."),
    ("A second person tries it", "Now somebody who has never done it."),
    ("Hands put things back in their place", "Tidy up now, and tomorrow begins well."),
    ("Wide shot again, a little later in the day", "That is all. Small steps, in the right order."),
)
SIMULATED = "I am a simulated model, so take this as the shape of an answer rather than as knowledge."
GREETING = (
    "Hello! I am the simulated model that answers while no provider key is set. Ask me for a blog post, a social post, "
    "a video script, a summary or a newsletter about any subject, and watch how the gateway handles it."
)
