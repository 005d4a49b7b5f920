using Cleave.Serving;
using Cleave.Serving.Feedback;

namespace Cleave.Server.Feedback;

/// <summary>What one request was answered by; never what it said.</summary>
/// <param name="Caller">Who asked, as logs call it.</param>
internal sealed record AnsweredRequest(string Caller, string Module, string Task, Route Route, string? Version, double? Confidence, TrialDraw? Draw);

/// <summary>The last requests that were answered, by their ids. Safe for use from several threads.</summary>
/// <param name="most">Requests that are remembered; the oldest is forgotten first.</param>
internal sealed class AnsweredRequests(int most = AnsweredRequests.Usual)
{
    public const int Usual = 10_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, (string Caller, AnsweredRequest? Answer)> _answers = new(StringComparer.Ordinal); // null: no one answer can be meant
    private readonly Queue<string> _order = [];

    /// <summary>Remembers an answer. Where an id has several, such as the parts of a request, none of them can be judged.</summary>
    public void Remember(string id, string caller, ModuleResult result)
    {
        lock (_gate)
        {
            var answer = new AnsweredRequest(caller, result.Choice.Module, result.Choice.Task, result.Choice.Route, result.Choice.Version, result.Confidence, result.Choice.Draw);
            if (!_answers.TryAdd(id, (caller, answer)))
            {
                // Clients choose ids: somebody else's stays that of who was first.
                if (_answers[id].Caller == caller)
                    _answers[id] = (caller, null);
                return;
            }
            _order.Enqueue(id);
            if (_order.Count > most)
                _answers.Remove(_order.Dequeue());
        }
    }

    /// <summary>Gives the answer to the one who asked for it, once: judged twice it would count twice.</summary>
    /// <param name="known">Whether the id is known, even if there is nothing to give.</param>
    public AnsweredRequest? Take(string id, string caller, out bool known)
    {
        lock (_gate)
        {
            // Of others' requests nobody learns even that they were made.
            known = _answers.TryGetValue(id, out (string Caller, AnsweredRequest? Answer) kept) && kept.Caller == caller;
            if (!known || kept.Answer is null)
                return null;
            _answers[id] = (caller, null);
            return kept.Answer;
        }
    }

    /// <summary>Puts back what could not be judged after all.</summary>
    public void Return(string id, AnsweredRequest answer)
    {
        lock (_gate)
        {
            if (_answers.ContainsKey(id))
                _answers[id] = (answer.Caller, answer);
        }
    }
}
