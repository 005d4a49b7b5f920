Console.Error.WriteLine("usage: cleave COMMAND");
return 2;
