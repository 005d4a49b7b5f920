// dotnet run -c Release --project samples/DotNetChat -- starter "the parcel has not arrived"
using DotNetChat;

if (args.Length != 2)
{
    Console.Error.WriteLine("usage: DotNetChat MODEL|RELEASE TEXT");
    return 2;
}
await Assistant.AnswerAsync(args[0], args[1], Console.Out);
await Assistant.CompareAsync("starter", args[1], "where is my order", Console.Out);
return 0;
